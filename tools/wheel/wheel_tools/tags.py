"""Platform tags of Linux: machine, C library and its oldest version (PEP 425, 600, 656)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.tags import Tag

_PLATFORM = re.compile(
    r"(?:(?P<libc>many|musl)linux_(?P<major>\d{1,4})_(?P<minor>\d{1,4})|(?P<legacy>manylinux(?:1|2010|2014))|linux)"
    r"_(?P<machine>\w+)",
    re.ASCII,
)
# A plain linux tag promises nothing: it means the machine that built the wheel, however new.
_ANY_GLIBC = (1 << 30, 0)


@dataclass(frozen=True, order=True)
class LinuxPlatform:
    """A Linux platform tag, taken apart."""

    text: str
    machine: str
    # "glibc", "musl", or "" for a plain `linux_…`.
    libc: str = ""
    # The oldest release of the C library; () for a plain `linux_…`.
    version: tuple[int, ...] = ()


def parse_platform(text: str) -> LinuxPlatform | None:
    """The parts of a platform tag; None for another system's, for `any`, and for a legacy tag of no such machine."""
    match = _PLATFORM.fullmatch(text)
    if not match:
        return None
    if match["legacy"]:
        # Only legacy tags need auditwheel, which the writers otherwise do without.
        from wheel_tools.policies import without_alias  # noqa: PLC0415

        plain = without_alias(text, match["machine"])
        return LinuxPlatform(text, match["machine"], "glibc", parse_platform(plain).version) if plain else None
    if not match["libc"]:
        return LinuxPlatform(text, match["machine"])
    libc = "glibc" if match["libc"] == "many" else "musl"
    return LinuxPlatform(text, match["machine"], libc, (int(match["major"]), int(match["minor"])))


def platforms(tags: Iterable[Tag]) -> list[LinuxPlatform]:
    """The Linux platforms among the tags, sorted by their text."""
    return sorted(filter(None, map(parse_platform, {tag.platform for tag in tags})))


def linux_platforms(compressed: str) -> tuple[tuple[int, int], set[str]] | None:
    """The oldest glibc and the machines of a compressed set of platform tags (`a.b.c`).

    None where one of them is no glibc Linux: another system, musl, or `any`.
    """
    found = [parse_platform(text) for text in compressed.split(".")]
    if any(platform is None or platform.libc == "musl" for platform in found):
        return None
    return min(platform.version or _ANY_GLIBC for platform in found), {platform.machine for platform in found}


def expand(compressed_tag: str) -> list[str]:
    """The single tags of a compressed tag (PEP 425), in the order of the parts, as WHEEL lists them."""
    python, abi, platform = compressed_tag.split("-")
    return [f"{p}-{a}-{x}" for p in python.split(".") for a in abi.split(".") for x in platform.split(".")]
