"""How the dynamic loader finds the libraries that a file needs, as far as a wheel shows it.

glibc searches the DT_RPATH of the file and of the files that caused it to be loaded, unless the file has a DT_RUNPATH;
then it searches only that DT_RUNPATH (ld.so(8)). musl treats both alike, and both are inherited. A name that was
loaded before is not searched for again.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field

from wheel_tools.examine import Library, Wheel

_ORIGINS = ("$ORIGIN", "${ORIGIN}")


@dataclass
class Loaded:
    """What loading one file pulls in."""

    # The file and the wheel's libraries that it needs, directly or not, in the loader's order.
    files: list[Library] = field(default_factory=list)
    # (user, DT_NEEDED) that no search path finds in the wheel.
    outside: list[tuple[Library, str]] = field(default_factory=list)


class Loader:
    """Answers for one wheel."""

    def __init__(self, wheel: Wheel) -> None:
        self._by_location = {library.location: library for library in wheel.libraries}
        self._musl = bool(wheel.platforms) and all(platform.libc == "musl" for platform in wheel.platforms)
        self._names: dict[str, list[Library]] = {}
        for library in wheel.libraries:
            soname = library.elf.soname if library.elf else ""
            for name in {library.base, soname} - {""}:
                self._names.setdefault(name, []).append(library)

    def named(self, name: str) -> list[Library]:
        """The wheel's libraries of this file name or DT_SONAME."""
        return self._names.get(name, [])

    def load(self, root: Library) -> Loaded:
        """Loads the file and then what it needs, breadth first."""
        result = Loaded([root])
        known = {root.base} | ({root.elf.soname} if root.elf else set())
        chains = {root.path: [root]}
        for user in result.files:
            for name in user.elf.needed if user.elf else ():
                if name in known:
                    continue
                known.add(name)
                found = self._search(name, chains[user.path])
                if found is None:
                    result.outside.append((user, name))
                elif found.path not in chains:
                    known.add(found.elf.soname if found.elf else "")
                    chains[found.path] = [found, *chains[user.path]]
                    result.files.append(found)
        return result

    def search_paths(self, chain: list[Library]) -> Iterator[str]:
        """The directories that the loader searches for the first file of the chain, relative to site-packages.

        The chain is the file, the file that needs it, and so on. Absolute directories are left out.
        """
        own = chain[0].elf
        inherited = [] if own.runpath and not self._musl else chain
        for library in inherited:
            entries = library.elf.runpath if self._musl and library.elf.runpath else library.elf.rpath
            if self._musl or not library.elf.runpath:
                yield from _directories(library, entries)
        if not self._musl:
            yield from _directories(chain[0], own.runpath)

    def _search(self, name: str, chain: list[Library]) -> Library | None:
        if "/" in name:
            return None
        for directory in self.search_paths(chain):
            found = self._by_location.get(posixpath.normpath(posixpath.join(directory, name)))
            # The loader passes over a file of another machine.
            if found is not None and (found.elf is None or found.elf.machine == chain[0].elf.machine):
                return found
        return None


def _directories(library: Library, entries: tuple[str, ...]) -> Iterator[str]:
    folder = posixpath.dirname(library.location)
    for entry in entries:
        for origin in _ORIGINS:
            if entry == origin or entry.startswith(origin + "/"):
                yield posixpath.normpath(posixpath.join(folder, entry[len(origin) + 1 :]))
