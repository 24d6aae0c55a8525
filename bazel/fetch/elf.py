"""Reads 64-bit little-endian ELF files: the header, sections and program headers, with the standard library alone.

The programs of repository rules run with the machine's Python, which has no pyelftools. Field names are those of
elf(5) without their prefixes (`sh_offset` is `offset`).
"""

from __future__ import annotations

import struct
from collections import namedtuple
from pathlib import Path
from typing import BinaryIO

from bazel.fetch.command import CommandError

ET_DYN = 3
PT_INTERP = 3
SHT_NULL, SHT_NOBITS, SHT_DYNSYM = 0, 8, 11
SHT_GNU_VERDEF, SHT_GNU_VERSYM = 0x6FFFFFFD, 0x6FFFFFFF
SHF_ALLOC = 2
SHN_UNDEF = 0
MAGIC = b"\x7fELF\x02\x01"  # ELFCLASS64, ELFDATA2LSB


class ElfError(CommandError):
    """A file is not the ELF file that it should be; the text names the file and says what is wrong."""


# Elf64_Ehdr, Elf64_Shdr and Elf64_Sym.
Header = namedtuple(
    "Header", "ident type machine version entry phoff shoff flags ehsize phentsize phnum shentsize shnum shstrndx"
)
Section = namedtuple("Section", "name type flags addr offset size link info addralign entsize")
Symbol = namedtuple("Symbol", "name info other shndx value size")

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")


class Elf:
    """An ELF file that is read as it is asked for; `name` stands for the file in errors."""

    def __init__(self, stream: BinaryIO, name: str | Path) -> None:
        self._stream, self._name = stream, name
        stream.seek(0)
        data = stream.read(HEADER.size)
        if len(data) < HEADER.size or data[:6] != MAGIC:
            raise ElfError(f"{name} is not a 64-bit little-endian ELF file")
        self.header = Header(*HEADER.unpack(data))

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes at `offset`; fewer in the file are an ElfError."""
        self._stream.seek(offset)
        data = self._stream.read(size)
        if len(data) != size:
            raise ElfError(f"{self._name} is cut short: it has no {size} bytes at {offset}")
        return data

    def content(self, section: Section) -> bytes:
        """The bytes of a section."""
        return self.read(section.offset, section.size)

    def sections(self) -> list[Section]:
        """The section headers; empty where the file has none."""
        header = self.header
        if header.shnum and header.shentsize != SECTION.size:
            raise ElfError(f"{self._name} has section headers of {header.shentsize} bytes; expected {SECTION.size}")
        table = self.read(header.shoff, header.shnum * SECTION.size)
        return [Section(*fields) for fields in SECTION.iter_unpack(table)]

    def segment_types(self) -> list[int]:
        """The type of each program header, such as PT_INTERP."""
        size = self.header.phentsize
        table = self.read(self.header.phoff, size * self.header.phnum)
        return [struct.unpack_from("<I", table, offset)[0] for offset in range(0, len(table), size or 1)]


def text(strings: bytes, offset: int) -> bytes:
    """The NUL-terminated string at `offset` of a string table; empty where the table ends before."""
    end = strings.find(b"\0", offset)
    return strings[offset:] if end < 0 else strings[offset:end]
