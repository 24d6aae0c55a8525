"""The CPythons that are known, and which of them a Requires-Python admits.

The matrix, the writers and the checker all read Requires-Python with this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.specifiers import SpecifierSet

# The CPythons that have had a final release, oldest first. The list grows by one each October. It starts at 3.8:
# older SOABIs have another form, and no current installer or torch supports them.
KNOWN_CPYTHONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15")

# No CPython had as many maintenance releases (the most is 3.6's 15).
_PATCH_LEVELS = 64
# A CPython that is decades away. A specifier that admits it has no upper end.
_HORIZON = "3.99"


def admitted(requires_python: SpecifierSet | None, known: Sequence[str] = KNOWN_CPYTHONS) -> list[str]:
    """The known CPythons that have a release which the specifier admits, oldest first; all of them for None.

    `>=3.11.4` admits 3.11, for its later releases; `<=3.11` does, for 3.11.0; `!=3.12.*` does not admit 3.12.
    """
    ordered = sorted(known, key=minor)
    if requires_python is None:
        return ordered
    return [
        python
        for python in ordered
        # Only `===3.12` distinguishes 3.12 from 3.12.0.
        if requires_python.contains(python)
        or any(requires_python.contains(f"{python}.{patch}") for patch in range(_PATCH_LEVELS))
    ]


def open_from(requires_python: SpecifierSet | None) -> int | None:
    """16 where the specifier admits CPython 3.16, the first unknown one, and all later ones; None with an upper end."""
    following = minor(KNOWN_CPYTHONS[-1]) + 1
    both = [f"3.{following}", _HORIZON]
    return following if admitted(requires_python, both) == both else None


def minor(python: str) -> int:
    """12 for "3.12"."""
    return int(python.split(".")[1])


def ranges(minors: Iterable[int]) -> str:
    """ "3.10-3.11, 3.13" for 10, 11 and 13; "no CPython" for none."""
    runs: list[list[int]] = []
    for number in sorted(set(minors)):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"3.{a}" if a == b else f"3.{a}-3.{b}" for a, b in runs) or "no CPython"
