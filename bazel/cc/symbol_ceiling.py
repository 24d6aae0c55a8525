"""Bounds the symbol versions that a program linked against a shared library can need.

The sysroot's glibc is 2.31 and its libstdc++ GCC 10's, but the output has to load on every manylinux_2_28 system, which
may have glibc 2.28 and GCC 8's libstdc++. Even pow has a newer version in glibc 2.29, and ld would take it.

In the library that ld reads (nothing runs it), `apply` marks each symbol of a version above the ceiling as hidden.
Shared libraries use this mark for versions that they keep only for old programs. If the same name has an older version,
that one becomes the default. ld does not find a name without an older version: for libstdc++ it then takes the static
library's, for other libraries the link fails.
"""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path

from bazel.fetch import elf

# auditwheel's policy manylinux_2_28.
CEILINGS = {"GLIBC": (2, 28), "GLIBCXX": (3, 4, 24), "CXXABI": (1, 3, 11), "GCC": (7, 0, 0)}

_HIDDEN = 0x8000


def _number(version: str) -> tuple[str, tuple[int, ...]] | None:
    """`GLIBC_2.28` as ("GLIBC", (2, 28)); None for a version without a number (GLIBC_PRIVATE) or without a ceiling."""
    match = re.fullmatch(r"([A-Z]+)_(\d+(?:\.\d+)*)", version)
    if not match or match[1] not in CEILINGS:
        return None
    return match[1], tuple(map(int, match[2].split(".")))


def _definitions(table: bytes, count: int, strings: bytes) -> dict[int, str]:
    """From the index of each version that the library defines to its name; `table` is .gnu.version_d."""
    names, position = {}, 0
    for _ in range(count):
        _, _, index, _, _, auxiliary, following = struct.unpack_from("<HHHHIII", table, position)
        (name,) = struct.unpack_from("<I", table, position + auxiliary)
        names[index] = elf.text(strings, name).decode()
        position += following
    return names


def apply(library: Path) -> int:
    """Hides the versions above CEILINGS in the ELF file `library`; returns how many symbols were changed."""
    image = bytearray(library.read_bytes())
    file = elf.Elf(io.BytesIO(image), library)
    sections = file.sections()
    by_type = {section.type: section for section in sections}
    if not {elf.SHT_DYNSYM, elf.SHT_GNU_VERDEF, elf.SHT_GNU_VERSYM} <= by_type.keys():
        return 0
    symbols, versions = by_type[elf.SHT_DYNSYM], by_type[elf.SHT_GNU_VERSYM]
    defined = by_type[elf.SHT_GNU_VERDEF]
    strings = file.content(sections[symbols.link])
    definitions = _definitions(file.content(defined), defined.info, file.content(sections[defined.link]))

    too_new: set[str] = set()
    older: dict[str, list[tuple[tuple[int, ...], int]]] = {}
    hidden = []
    for index, fields in enumerate(elf.SYMBOL.iter_unpack(file.content(symbols))):
        symbol = elf.Symbol(*fields)
        position = versions.offset + 2 * index
        (entry,) = struct.unpack_from("<H", image, position)
        found = _number(definitions.get(entry & ~_HIDDEN, ""))
        if symbol.shndx == elf.SHN_UNDEF or not found:
            continue
        prefix, number = found
        name = elf.text(strings, symbol.name).decode()
        if number <= CEILINGS[prefix]:
            older.setdefault(name, []).append((number, position))
        elif not entry & _HIDDEN:
            too_new.add(name)
            hidden.append(position)
    shown = [max(older[name])[1] for name in too_new if name in older]
    for position in hidden:
        struct.pack_into("<H", image, position, struct.unpack_from("<H", image, position)[0] | _HIDDEN)
    for position in shown:
        struct.pack_into("<H", image, position, struct.unpack_from("<H", image, position)[0] & ~_HIDDEN)
    if hidden:
        library.write_bytes(image)
    return len(hidden)
