"""Limits the symbol versions that a program can need when it is linked against a shared library.

The sysroot has glibc 2.31 and GCC 10's libstdc++, but the output must load on every manylinux_2_28 system, which may
have glibc 2.28 and GCC 8's libstdc++. ld links to the newest version of a symbol: even pow has a newer one, of 2.29.

`apply` edits the library that ld reads; nothing runs it. It marks each symbol with a version above the ceiling as
hidden, like versions that glibc keeps for old programs only. If the name has an older version, that one becomes the
default. Otherwise ld finds the name undefined: libstdc++'s then come from the static library, and others are errors.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

# auditwheel's policy manylinux_2_28.
CEILINGS = {"GLIBC": (2, 28), "GLIBCXX": (3, 4, 24), "CXXABI": (1, 3, 11), "GCC": (7, 0, 0)}

_SHT_DYNSYM, _SHT_VERDEF, _SHT_VERSYM = 11, 0x6FFFFFFD, 0x6FFFFFFF
_HIDDEN = 0x8000
# sh_name, sh_type, sh_flags, sh_addr, sh_offset, sh_size, sh_link, sh_info, sh_addralign, sh_entsize
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL_SIZE = 24
_UNDEFINED = 0


def _text(image: bytes, offset: int) -> str:
    return image[offset : image.index(b"\0", offset)].decode()


def _number(version: str) -> tuple[str, tuple[int, ...]] | None:
    """`GLIBC_2.28` as ("GLIBC", (2, 28)); None for a version without number (GLIBC_PRIVATE) or without ceiling."""
    match = re.fullmatch(r"([A-Z]+)_(\d+(?:\.\d+)*)", version)
    if not match or match[1] not in CEILINGS:
        return None
    return match[1], tuple(map(int, match[2].split(".")))


def _definitions(image: bytes, section: tuple[int, ...], strings: int) -> dict[int, str]:
    """Maps the index of each version that the library defines to the version's name."""
    names, position = {}, section[4]
    for _ in range(section[7]):
        _, _, index, _, _, auxiliary, following = struct.unpack_from("<HHHHIII", image, position)
        names[index] = _text(image, strings + struct.unpack_from("<I", image, position + auxiliary)[0])
        position += following
    return names


def apply(library: Path) -> int:
    """Hides the versions above CEILINGS in the ELF file `library`; returns how many symbols were changed."""
    image = bytearray(library.read_bytes())
    (table,) = struct.unpack_from("<Q", image, 40)
    (count,) = struct.unpack_from("<H", image, 60)
    sections = [_SECTION.unpack_from(image, table + index * _SECTION.size) for index in range(count)]
    by_type = {section[1]: section for section in sections}
    if not {_SHT_DYNSYM, _SHT_VERDEF, _SHT_VERSYM} <= by_type.keys():
        return 0
    symbols, versions = by_type[_SHT_DYNSYM], by_type[_SHT_VERSYM]
    strings = sections[symbols[6]][4]
    definitions = _definitions(image, by_type[_SHT_VERDEF], sections[by_type[_SHT_VERDEF][6]][4])

    too_new: set[str] = set()
    older: dict[str, list[tuple[tuple[int, ...], int]]] = {}
    hidden = []
    for index in range(symbols[5] // _SYMBOL_SIZE):
        name, _, _, place = struct.unpack_from("<IBBH", image, symbols[4] + index * _SYMBOL_SIZE)
        position = versions[4] + 2 * index
        (entry,) = struct.unpack_from("<H", image, position)
        found = _number(definitions.get(entry & ~_HIDDEN, ""))
        if place == _UNDEFINED or not found:
            continue
        prefix, number = found
        text = _text(image, strings + name)
        if number <= CEILINGS[prefix]:
            older.setdefault(text, []).append((number, position))
        elif not entry & _HIDDEN:
            too_new.add(text)
            hidden.append(position)
    shown = [max(older[name])[1] for name in too_new if name in older]
    for position in hidden:
        struct.pack_into("<H", image, position, struct.unpack_from("<H", image, position)[0] | _HIDDEN)
    for position in shown:
        struct.pack_into("<H", image, position, struct.unpack_from("<H", image, position)[0] & ~_HIDDEN)
    if hidden:
        library.write_bytes(image)
    return len(hidden)
