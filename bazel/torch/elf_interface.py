"""Writes the interface of a shared library: what a linker reads of it, and none of its code.

The linker wants dynamic symbols, their versions and the SONAME. libtorch_cuda.so and libtorch_cpu.so are half a
gigabyte each; their interfaces are a few per cent of that, and it is these that every link action has as inputs.

torch's libraries hold parts of a libstdc++ and let everybody see them. A linker meets them before the C++ library of
its own toolchain, and an extension would from then on need a torch that still happens to have std::filesystem. So the
interface does not offer the C++ library; what std has of torch's own types, a hash of c10::Device, stays.
"""

from __future__ import annotations

import re
from pathlib import Path

from bazel.fetch import elf
from bazel.fetch.elf import SYMBOL, ElfError

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
_WEAK = 2 << 4
_ALIGNMENT = 16


def _without_cxx_library(symbols: bytes, strings: bytes) -> bytes:
    """The symbol table with the C++ library's definitions turned into weak references, which ask for nothing."""
    table = bytearray(symbols)
    for position in range(0, len(table) - len(table) % SYMBOL.size, SYMBOL.size):
        name, info, other, section, _, size = SYMBOL.unpack_from(table, position)
        if section and _CXX_LIBRARY.match(strings, name, strings.index(b"\0", name)):
            SYMBOL.pack_into(table, position, name, _WEAK | info & 0xF, other, 0, 0, size)
    return bytes(table)


def write_interface(library: Path, out: Path) -> int:
    """Writes the interface of the ELF64 shared object `library` to `out`, and returns its size in bytes.

    Sections keep their indices, which symbols refer to; those that are left out keep their addresses without content.
    """
    with open(library, "rb") as source:
        file = elf.Elf(source, library)
        sections = file.sections()
        if file.header.type != elf.ET_DYN or not 0 < file.header.shstrndx < len(sections):
            raise ElfError(f"{library} is not a shared library with section headers")
        names = file.content(sections[file.header.shstrndx])
        body = bytearray(elf.HEADER.size)
        written = []
        found = set()
        for section in sections:
            name = elf.text(names, section.name).decode("ascii", "replace")
            if name in _KEPT and section.type != elf.SHT_NOBITS:
                found.add(name)
                body += bytes(-len(body) % _ALIGNMENT)
                offset = len(body)
                content = file.content(section)
                if name == ".dynsym":
                    content = _without_cxx_library(content, file.content(sections[section.link]))
                body += content
                kept = section._replace(offset=offset)
            elif section.flags & elf.SHF_ALLOC:
                kept = section._replace(type=elf.SHT_NOBITS, offset=elf.HEADER.size, link=0, info=0)
            else:
                kept = elf.Section(section.name, elf.SHT_NULL, 0, 0, 0, 0, 0, 0, 0, 0)
            written.append(kept)
    missing = {".dynamic", ".dynstr", ".dynsym", ".shstrtab"} - found
    if missing:
        raise ElfError(f"{library} has no section {', '.join(sorted(missing))}")
    body += bytes(-len(body) % _ALIGNMENT)
    # Without program headers: this file is for linkers, and a loader refuses it.
    header = file.header._replace(entry=0, phoff=0, shoff=len(body), phentsize=0, phnum=0)
    body[: elf.HEADER.size] = elf.HEADER.pack(*header)
    for section in written:
        body += elf.SECTION.pack(*section)
    out.write_bytes(body)
    return len(body)
