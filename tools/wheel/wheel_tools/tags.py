"""Platform tags: which machine they are for, and how new a glibc they ask for."""

from __future__ import annotations

import re

_LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_PLATFORM = re.compile(
    r"(?:(?P<legacy>manylinux1|manylinux20\d\d)|manylinux_(?P<major>\d{1,4})_(?P<minor>\d{1,4})|linux)_(?P<arch>\w+)"
)

# A plain linux tag promises nothing: it means the machine that built the wheel, however new.
_ANY_GLIBC = (1 << 30, 0)


def linux_platforms(compressed: str) -> tuple[tuple[int, int], set[str]] | None:
    """The oldest glibc and the architectures of a compressed set of platform tags (`a.b.c`).

    None where one of them is no glibc Linux: another system, musl, or `any`.
    """
    needs, architectures = [], set()
    for tag in compressed.split("."):
        match = _PLATFORM.fullmatch(tag)
        if not match:
            return None
        if match["legacy"]:
            if match["legacy"] not in _LEGACY:
                return None
            needs.append(_LEGACY[match["legacy"]])
        elif match["major"]:
            needs.append((int(match["major"]), int(match["minor"])))
        else:
            needs.append(_ANY_GLIBC)
        architectures.add(match["arch"])
    return min(needs), architectures


def expand(compressed_tag: str) -> list[str]:
    """The single tags of a compressed tag (PEP 425), in the order of the parts: as WHEEL lists them."""
    python, abi, platform = compressed_tag.split("-")
    return [f"{p}-{a}-{x}" for p in python.split(".") for a in abi.split(".") for x in platform.split(".")]
