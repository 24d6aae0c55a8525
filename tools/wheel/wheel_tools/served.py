"""Which CPythons a wheel says it is for: those that its tags and Requires-Python both let in."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag

from wheel_tools.pythons import KNOWN_CPYTHONS, admitted, minor

# A CPython that is still far away; a specifier that admits it has no upper end.
_HORIZON = "3.99"


def admitted_minors(specifiers: SpecifierSet | None) -> tuple[tuple[int, ...], int | None]:
    """The CPython 3.X that Requires-Python admits, and the first to come if it has an open end."""
    found = tuple(minor(python) for python in admitted(specifiers))
    future = minor(KNOWN_CPYTHONS[-1]) + 1
    is_open = admitted(specifiers, [_HORIZON]) and admitted(specifiers, [f"3.{future}"])
    return found, future if is_open else None


def installable_minors(minors: Iterable[int], tags: frozenset[Tag]) -> tuple[int, ...]:
    """Those on which an installer accepts one of the tags (packaging.tags.cpython_tags)."""
    if not tags:
        return tuple(minors)
    return tuple(m for m in minors if any(_accepts(m, tag) for tag in tags))


def _accepts(python: int, tag: Tag) -> bool:
    if tag.interpreter == "py3":
        return tag.abi == "none"
    match = re.fullmatch(r"(cp|py)3(\d{1,3})", tag.interpreter, re.ASCII)
    if not match:
        return False
    version = int(match[2])
    if match[1] == "py":
        return version <= python and tag.abi == "none"
    if tag.abi == "abi3":
        return version <= python
    # cp313t is the free-threaded build's: another interpreter, with an ABI of its own.
    return version == python and tag.abi in ("none", f"cp3{python}", f"cp3{python}m")
