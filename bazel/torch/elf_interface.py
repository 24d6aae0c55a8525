"""Writes the interface of a shared library: what a linker reads of it, and none of its code.

The linker wants dynamic symbols, their versions and the SONAME. libtorch_cuda.so and libtorch_cpu.so are half a
gigabyte each; their interfaces are a few per cent of that, and it is these that every link action has as inputs.

torch's libraries hold parts of a libstdc++ and let everybody see them. A linker meets them before the C++ library of
its own toolchain, and an extension would from then on need a torch that still happens to have std::filesystem. So the
interface does not offer the C++ library; what std has of torch's own types, a hash of c10::Device, stays.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import NamedTuple

from bazel.fetch.command import CommandError

_KEPT = frozenset(
    [
        ".dynamic",
        ".dynstr",
        ".dynsym",
        ".gnu.version",
        ".gnu.version_d",
        ".gnu.version_r",
        ".shstrtab",
    ]
)
# Mangled names in std and __cxxabiv1 (Itanium C++ ABI, 5.1), unless one of torch's namespaces is part of the name.
_CXX_LIBRARY = re.compile(
    rb"_Z(?:GV|T[CISTVv])?(?:N[VKRO]*)?(?:S[tabdios]|10__cxxabiv1)(?!.*(?:2at|3c10|5torch|6caffe2)[A-Z0-9])"
)
_SYMBOL = struct.Struct("<IBBHQQ")
_WEAK = 2 << 4
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SHT_NULL, _SHT_NOBITS = 0, 8
_SHF_ALLOC = 2
_ET_DYN = 3
_ALIGNMENT = 16


class _Section(NamedTuple):
    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int


def _without_cxx_library(symbols: bytes, strings: bytes) -> bytes:
    """The symbol table with the C++ library's definitions turned into weak references, which ask for nothing."""
    table = bytearray(symbols)
    for position in range(0, len(table) - len(table) % _SYMBOL.size, _SYMBOL.size):
        name, info, other, section, _, size = _SYMBOL.unpack_from(table, position)
        if section and _CXX_LIBRARY.match(strings, name, strings.index(b"\0", name)):
            _SYMBOL.pack_into(table, position, name, _WEAK | info & 0xF, other, 0, 0, size)
    return bytes(table)


def write_interface(library: Path, out: Path) -> int:
    """Writes the interface of the ELF64 shared object `library` to `out`, and returns its size in bytes.

    Sections keep their indices, which symbols refer to; those that are left out keep their addresses without content.
    """
    with open(library, "rb") as source:
        header = source.read(_HEADER.size)
        if len(header) < _HEADER.size or header[:6] != b"\x7fELF\x02\x01":
            raise CommandError(f"{library} is not a 64-bit little-endian ELF file")
        fields = list(_HEADER.unpack(header))
        elf_type, section_offset, entry_size, count, names_index = (
            fields[1],
            fields[6],
            *fields[11:14],
        )
        if elf_type != _ET_DYN or entry_size != _SECTION.size or not 0 < names_index < count:
            raise CommandError(f"{library} is not a shared library with section headers")

        def read(offset: int, size: int) -> bytes:
            source.seek(offset)
            data = source.read(size)
            if len(data) != size:
                raise CommandError(f"{library} is cut short: it has no {size} bytes at {offset}")
            return data

        table = read(section_offset, count * _SECTION.size)
        sections = [_Section(*entry) for entry in _SECTION.iter_unpack(table)]
        names = read(sections[names_index].offset, sections[names_index].size)
        body = bytearray(_HEADER.size)
        written = []
        found = set()
        for section in sections:
            name = names[section.name :].split(b"\0", 1)[0].decode("ascii", "replace")
            if name in _KEPT and section.type != _SHT_NOBITS:
                found.add(name)
                body += bytes(-len(body) % _ALIGNMENT)
                offset = len(body)
                content = read(section.offset, section.size)
                if name == ".dynsym":
                    strings = sections[section.link]
                    content = _without_cxx_library(content, read(strings.offset, strings.size))
                body += content
                kept = section._replace(offset=offset)
            elif section.flags & _SHF_ALLOC:
                kept = section._replace(type=_SHT_NOBITS, offset=_HEADER.size, link=0, info=0)
            else:
                kept = _Section(section.name, _SHT_NULL, 0, 0, 0, 0, 0, 0, 0, 0)
            written.append(kept)
    missing = {".dynamic", ".dynstr", ".dynsym", ".shstrtab"} - found
    if missing:
        raise CommandError(f"{library} has no section {', '.join(sorted(missing))}")
    body += bytes(-len(body) % _ALIGNMENT)
    # No program headers: this file is for linkers, and a loader shall refuse it.
    fields[5], fields[6], fields[9], fields[10] = 0, len(body), 0, 0
    fields[4] = 0
    body[: _HEADER.size] = _HEADER.pack(*fields)
    for section in written:
        body += _SECTION.pack(*section)
    out.write_bytes(body)
    return len(body)
