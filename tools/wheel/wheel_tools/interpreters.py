"""The CPythons that install a wheel, and the file of a module that each of them loads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags

from wheel_tools.pythons import KNOWN_CPYTHONS, admitted, minor, ranges
from wheel_tools.soabi import suffixes, triplet
from wheel_tools.tags import LinuxPlatform

_FREE_THREADED_SINCE = 13


@dataclass(frozen=True, order=True)
class Interpreter:
    """One CPython: "3.13", or "3.13t" for the free-threaded build."""

    minor: int
    free_threaded: bool = False

    def __str__(self) -> str:
        return f"3.{self.minor}{'t' if self.free_threaded else ''}"

    @classmethod
    def parse(cls, text: str) -> Interpreter:
        """What str() wrote."""
        return cls(minor(text.removesuffix("t")), text.endswith("t"))

    def installs(self, tags: Iterable[Tag]) -> bool:
        """Whether an installer accepts one of the tags, as far as interpreter and ABI go."""
        return any((tag.interpreter, tag.abi) in _accepted(self) for tag in tags)

    def suffixes(self, platform: LinuxPlatform) -> list[str]:
        """What the import system puts behind a module's name, in its order. `linux_…` may be glibc or musl."""
        libcs = [platform.libc] if platform.libc else ["glibc", "musl"]
        found = [triplet(self.minor, platform.machine, libc) for libc in libcs]
        return suffixes(self.minor, self.free_threaded, list(dict.fromkeys(found)))


@cache
def _accepted(interpreter: Interpreter) -> frozenset[tuple[str, str]]:
    version, name = (3, interpreter.minor), f"cp3{interpreter.minor}"
    own = cpython_tags(version, [name + ("t" if interpreter.free_threaded else "")], ["any"])
    pairs = {(tag.interpreter, tag.abi) for tag in [*own, *compatible_tags(version, name, ["any"])]}
    return frozenset(pairs)


def installing(requires_python: SpecifierSet | None, tags: frozenset[Tag]) -> list[Interpreter]:
    """The known CPythons that Requires-Python and the tags admit, oldest first.

    Free-threaded builds are listed where a tag names their ABI: a `py3-none` wheel does not promise to serve them.
    """
    minors = [minor(python) for python in admitted(requires_python)]
    own_abis = frozenset(tag for tag in tags if tag.abi.endswith("t") and tag.abi.startswith(("cp", "abi3")))
    ordinary = [Interpreter(m) for m in minors if not tags or Interpreter(m).installs(tags)]
    threaded = [Interpreter(m, True) for m in minors if m >= _FREE_THREADED_SINCE]
    return sorted(ordinary + [python for python in threaded if python.installs(own_abis)])


def known_tag(tag: Tag) -> bool:
    """Whether any known CPython installs a wheel of this tag."""
    minors = [minor(python) for python in KNOWN_CPYTHONS]
    return any(Interpreter(m, threaded).installs([tag]) for m in minors for threaded in (False, True))


def listed(pythons: Sequence[Interpreter]) -> str:
    """ "3.10-3.11, 3.13t": ordinary CPythons as ranges, then free-threaded ones."""
    ordinary = [python.minor for python in pythons if not python.free_threaded]
    return ", ".join([ranges(ordinary)] * bool(ordinary) + [str(python) for python in pythons if python.free_threaded])
