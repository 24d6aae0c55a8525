"""Which CPythons a Requires-Python admits: the one table and the one reading of it, for matrix, overlay and check."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.specifiers import SpecifierSet

# The CPythons that have had a final release when this was written, oldest first; the list grows by one each October.
# Before 3.8 the SOABI had another form, and no current installer or torch serves them. A specifier with an open end
# (">=3.11") admits the newest of these too, as installers see it; of later ones nothing can be known.
KNOWN_CPYTHONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15")

# No CPython had as many maintenance releases (the most is 3.6's 15).
_PATCH_LEVELS = 64


def admitted(requires_python: SpecifierSet | None, known: Sequence[str] = KNOWN_CPYTHONS) -> list[str]:
    """The known CPythons of which the specifier admits any release, oldest first; all of them for None.

    `>=3.11.4` admits 3.11, for its later releases; `<=3.11` does, for 3.11.0; `!=3.12.*` does not admit 3.12.
    """
    ordered = sorted(known, key=minor)
    if requires_python is None:
        return ordered
    return [
        python
        for python in ordered
        # Only `===3.12` tells 3.12 from 3.12.0.
        if requires_python.contains(python)
        or any(requires_python.contains(f"{python}.{patch}") for patch in range(_PATCH_LEVELS))
    ]


def minor(python: str) -> int:
    """12 for "3.12"."""
    return int(python.split(".")[1])
