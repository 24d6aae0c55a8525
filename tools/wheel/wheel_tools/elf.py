"""One ELF file, read from a stream in bounded memory.

The dynamic loader reads segments and never sections, so this reader does too: a stripped file without a section table
is read like any other. pyelftools decodes the headers, notes and dynamic entries. `struct` reads the hash, symbol
and version tables: pyelftools takes seven times as long for each symbol, and follows any size that hostile bytes state.
"""

from __future__ import annotations

import io
import re
import struct
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from elftools.common.utils import struct_parse
from elftools.construct import Container
from elftools.elf.elffile import ELFFile
from elftools.elf.notes import iter_notes

# Larger values are errors: no real library comes near.
MAX_SEGMENTS = 256
MAX_DYNAMIC = 1 << 16
MAX_SYMBOLS = 2_000_000
MAX_STRINGS = 64 << 20
MAX_NAME = 1 << 15
MAX_VERSIONS = 4096
MAX_UNDEFINED_NAMES = 32 << 20
MAX_EXPORTED_NAMES = 256 << 20

# Files of more bytes are on disk while they are read.
_MEMORY = 8 << 20

_PF_X = 1
_DF_TEXTREL = 4
_DT_RELA = 7
_DF_1_PIE = 0x08000000
# STB_GLOBAL, STB_WEAK and STB_GNU_UNIQUE: the bindings that another file can refer to.
_GLOBAL_BINDINGS = (1, 2, 10)
_STB_WEAK = 2
# STV_DEFAULT and STV_PROTECTED: the visibilities that dlsym finds.
_EXPORTED_VISIBILITIES = (0, 3)
# The names of init functions (PEP 489, PEP 793).
_INIT_PREFIXES = (b"PyInit", b"PyModExport")

# Machines as platform tags spell them.
MACHINES = {
    ("EM_X86_64", 64, True): "x86_64",
    ("EM_AARCH64", 64, True): "aarch64",
    ("EM_386", 32, True): "i686",
    ("EM_ARM", 32, True): "armv7l",
    ("EM_PPC64", 64, True): "ppc64le",
    ("EM_PPC64", 64, False): "ppc64",
    ("EM_S390", 64, False): "s390x",
    ("EM_RISCV", 64, True): "riscv64",
    ("EM_LOONGARCH", 64, True): "loongarch64",
}


class ElfError(Exception):
    """The dynamic loader could not load these bytes. The text is one line."""


@dataclass
class SharedObject:
    """The facts of an ELF file that the checks use."""

    # As platform tags spell it, such as "x86_64"; "EM_68K (32-bit)" for a machine without a platform tag.
    machine: str
    # Whether the file is a program: it names its loader (PT_INTERP), has a fixed address, or DF_1_PIE.
    program: bool = False
    soname: str = ""
    # DT_NEEDED, in order.
    needed: tuple[str, ...] = ()
    # The entries of DT_RPATH and of DT_RUNPATH, in order.
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    # The flags of PT_GNU_STACK; None without that segment.
    stack_flags: int | None = None
    text_relocations: bool = False
    # The smallest alignment of a PT_LOAD segment, in bytes.
    alignment: int = 0
    # The x86-64 level that GNU_PROPERTY_X86_ISA_1_NEEDED asks for: 1 is the baseline, 3 is x86-64-v3.
    isa_level: int = 1
    # Names of exported PyInit_… and PyModExport_… functions.
    inits: frozenset[str] = frozenset()
    # Undefined symbol → whether the reference is weak.
    undefined: dict[str, bool] = field(default_factory=dict)
    # Undefined symbols that no version ties to a library.
    unversioned: frozenset[str] = frozenset()
    # symbol_key() of each exported symbol.
    exports: array = field(default_factory=lambda: array("q"))
    # Library → the symbol versions required of it, such as "GLIBC_2.28".
    versions: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def executable_stack(self) -> bool:
        """True without PT_GNU_STACK too: the loader then grants one on most machines."""
        return self.stack_flags is None or bool(self.stack_flags & _PF_X)

    def newest(self, prefix: str) -> str:
        """The newest required version, such as "GLIBC_2.28" for the prefix "GLIBC"; "" without any."""
        numbers = [n for versions in self.versions.values() for v in versions if (n := version_number(v, prefix))]
        return f"{prefix}_" + ".".join(map(str, max(numbers))) if numbers else ""


def symbol_key(name: str) -> int:
    """A number for a symbol name: a large library's names would fill the memory."""
    return hash(name.encode("utf-8", "backslashreplace"))


def version_number(version: str, prefix: str) -> tuple[int, ...] | None:
    """(2, 28) for "GLIBC_2.28" and the prefix "GLIBC"; None for another prefix or no number."""
    head, _, rest = version.partition("_")
    if head != prefix or not re.fullmatch(r"\d{1,6}(\.\d{1,6}){0,4}", rest, re.ASCII):
        return None
    return tuple(map(int, rest.split(".")))


class ElfReader:
    """Takes a file's bytes once, in order, and then reads in them. A large file is on disk meanwhile.

    reader = ElfReader()
    for chunk in chunks: reader.feed(chunk)
    shared_object = reader.parse()
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_MEMORY)  # noqa: SIM115
        self.size = 0

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes of the file."""
        self.size += self._file.write(chunk)

    def read(self, offset: int, size: int) -> bytes:
        """Exactly these bytes, or ElfError."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise ElfError(f"a table at bytes {offset} to {offset + size} of a file that has {self.size} (truncated?)")
        self._file.seek(offset)
        return self._file.read(size)

    def parse(self) -> SharedObject:
        """The file's facts; ElfError for a file that is neither a shared object nor a program."""
        try:
            return _Parser(self).parse()
        except ElfError:
            raise
        # pyelftools answers hostile bytes with exceptions of many kinds; all of them mean the same.
        except Exception as error:
            text = str(error).splitlines()[0][:120] if str(error) else ""
            raise ElfError(
                f"headers that cannot be decoded ({type(error).__name__}{': ' + text if text else ''})"
            ) from None
        finally:
            self._file.close()


def parse_elf(data: bytes) -> SharedObject:
    """The facts of a whole file; ElfError for a file that is neither a shared object nor a program."""
    reader = ElfReader()
    reader.feed(data)
    return reader.parse()


class _Parser:
    """Reads one file's tables."""

    def __init__(self, reader: ElfReader) -> None:
        start = reader.read(0, min(reader.size, 64))
        if not start.startswith(b"\x7fELF"):
            shown = start[:12].decode("ascii", "replace")
            raise ElfError(f"no ELF file (it begins with {shown!a})" if start else "an empty file")
        if len(start) < 64:
            raise ElfError(f"an ELF file of {reader.size} bytes, cut off in its first header")
        self.reader = reader
        # Without a section table, pyelftools never follows one.
        header = bytearray(start)
        for at, size in ((0x28, 8), (0x3C, 4)) if start[4] == 2 else ((0x20, 4), (0x30, 4)):
            header[at : at + size] = bytes(size)
        self.elf = elf = ELFFile(io.BytesIO(header))
        self.order = "<" if elf.little_endian else ">"
        self.tags: dict[str, list[int]] = {}
        self.segments: list[Container] = []
        self.strings = b""
        machine = MACHINES.get((elf["e_machine"], elf.elfclass, elf.little_endian))
        self.result = SharedObject(machine or f"{elf['e_machine']} ({elf.elfclass}-bit)")

    def parse(self) -> SharedObject:
        elf, result = self.elf, self.result
        if elf["e_type"] not in ("ET_DYN", "ET_EXEC"):
            raise ElfError(f"an ELF file of type {elf['e_type']}, which is no shared object (ET_DYN)")
        if not 0 < elf["e_phnum"] <= MAX_SEGMENTS:
            raise ElfError(f"{elf['e_phnum']} program headers")
        layout, stride = elf.structs.Elf_Phdr, elf["e_phentsize"]
        stream = io.BytesIO(self.reader.read(elf["e_phoff"], elf["e_phnum"] * stride))
        self.segments = [struct_parse(layout, stream, index * stride) for index in range(elf["e_phnum"])]
        types = [segment["p_type"] for segment in self.segments]
        result.program = "PT_INTERP" in types or elf["e_type"] == "ET_EXEC"
        for segment in self.segments:
            self._read_segment(segment)
        if types.count("PT_DYNAMIC") == 1:
            self._read_dynamic(self.segments[types.index("PT_DYNAMIC")])
        elif not result.program:
            raise ElfError(f"{types.count('PT_DYNAMIC')} dynamic segments; a shared object has one")
        return result

    def _read_segment(self, segment: Container) -> None:
        result, kind, end = self.result, segment["p_type"], segment["p_offset"] + segment["p_filesz"]
        if kind == "PT_LOAD":
            if end > self.reader.size:
                raise ElfError(f"a segment up to byte {end} of a file that has {self.reader.size} (truncated?)")
            result.alignment = min(result.alignment or segment["p_align"], segment["p_align"])
        elif kind == "PT_GNU_STACK":
            result.stack_flags = segment["p_flags"]
        elif kind in ("PT_NOTE", "PT_GNU_PROPERTY") and segment["p_filesz"] <= MAX_DYNAMIC:
            result.isa_level = max(result.isa_level, self._isa_level(segment["p_offset"], segment["p_filesz"]))

    def _isa_level(self, offset: int, size: int) -> int:
        """glibc refuses a library whose GNU_PROPERTY_X86_ISA_1_NEEDED the processor lacks."""
        needed = 1
        try:
            self.elf.stream = io.BytesIO(self.reader.read(offset, size))
            for note in iter_notes(self.elf, 0, size):
                for item in note["n_desc"] if note["n_type"] == "NT_GNU_PROPERTY_TYPE_0" else ():
                    if item["pr_type"] == "GNU_PROPERTY_X86_ISA_1_NEEDED":
                        needed = max(needed, item["pr_data"])
        # glibc ignores a note that it cannot decode.
        except Exception:
            return 1
        return needed.bit_length()

    def _read_dynamic(self, dynamic: Container) -> None:
        layout, size = self.elf.structs.Elf_Dyn, dynamic["p_filesz"]
        if size > MAX_DYNAMIC:
            raise ElfError(f"a dynamic segment of {size} bytes")
        stream = io.BytesIO(self.reader.read(dynamic["p_offset"], size))
        for _ in range(size // layout.sizeof()):
            entry = struct_parse(layout, stream)
            if entry["d_tag"] == "DT_NULL":
                break
            self.tags.setdefault(str(entry["d_tag"]), []).append(entry["d_val"])
        self.result.program |= bool(self._value("DT_FLAGS_1") & _DF_1_PIE)
        for tag in ("DT_STRTAB", "DT_SYMTAB", "DT_STRSZ"):
            if tag not in self.tags:
                raise ElfError(f"a dynamic segment without {tag}")
        if self._value("DT_STRSZ") > MAX_STRINGS:
            raise ElfError(f"a string table of {self._value('DT_STRSZ')} bytes")
        self.strings = self.reader.read(self._place("DT_STRTAB"), self._value("DT_STRSZ"))
        result = self.result
        result.needed = tuple(self._names("DT_NEEDED"))
        result.soname = next(self._names("DT_SONAME"), "")
        # An empty string is no entry; an empty entry in a list means the working directory.
        result.rpath, result.runpath = (
            tuple(entry for path in self._names(tag) if path for entry in path.split(":"))
            for tag in ("DT_RPATH", "DT_RUNPATH")
        )
        result.text_relocations = "DT_TEXTREL" in self.tags or bool(self._value("DT_FLAGS") & _DF_TEXTREL)
        self._read_symbols(self._symbol_count())
        if "DT_VERNEED" in self.tags:
            result.versions = self._versions()

    def _value(self, tag: str) -> int:
        return self.tags.get(tag, [0])[-1]

    def _place(self, tag: str) -> int:
        """The offset in the file of the byte that is loaded at the tag's address."""
        address = self._value(tag)
        for segment in self.segments:
            if segment["p_type"] == "PT_LOAD" and 0 <= address - segment["p_vaddr"] < segment["p_filesz"]:
                return address - segment["p_vaddr"] + segment["p_offset"]
        raise ElfError(f"a {tag} that points outside the file")

    def _names(self, tag: str) -> Iterator[str]:
        return (_decoded(self._string(at)) for at in self.tags.get(tag, []))

    def _string(self, at: int) -> bytes:
        end = self.strings.find(b"\0", at, at + MAX_NAME) if at < len(self.strings) else -1
        if end < 0:
            raise ElfError("a name that lies outside the string table")
        return self.strings[at:end]

    def _unpack(self, layout: str, at: int) -> tuple[Any, ...]:
        return struct.unpack(self.order + layout, self.reader.read(at, struct.calcsize(self.order + layout)))

    def _symbol_count(self) -> int:
        """The number of dynamic symbols. Only the hash tables state it."""
        if "DT_HASH" in self.tags:
            # On s390x, and on no other machine of a platform tag, the entries are 64-bit numbers.
            count = self._unpack("2Q" if self.result.machine == "s390x" else "2I", self._place("DT_HASH"))[1]
        elif "DT_GNU_HASH" in self.tags:
            count = self._gnu_hash_count(self._place("DT_GNU_HASH"))
        elif self.result.program:
            count = 0
        else:
            raise ElfError("a shared object without a symbol hash table: no symbol can be looked up")
        if count > MAX_SYMBOLS:
            raise ElfError(f"{count} dynamic symbols; at most {MAX_SYMBOLS} are read")
        return count

    def _gnu_hash_count(self, at: int) -> int:
        buckets, first, bloom, _ = self._unpack("4I", at)
        if max(buckets, first, bloom) > MAX_SYMBOLS:
            raise ElfError("a symbol hash table far larger than any real one")
        at += 16 + bloom * self.elf.elfclass // 8
        last = max(self._unpack(f"{buckets}I", at), default=0)
        if last < first:
            return max(first, self._relocated_count())
        chain = at + 4 * buckets
        while last < MAX_SYMBOLS and not self._unpack("I", chain + 4 * (last - first))[0] & 1:
            last += 1
        return last + 1

    def _relocated_count(self) -> int:
        """One more than the last symbol that the loader binds: the hash table of a file without exports has none."""
        wide, count = self.elf.elfclass == 64, 0
        plt = self._value("DT_PLTREL") == _DT_RELA
        tables = (("DT_RELA", "DT_RELASZ", True), ("DT_REL", "DT_RELSZ", False), ("DT_JMPREL", "DT_PLTRELSZ", plt))
        for tag, size, addend in tables:
            if tag in self.tags:
                layout = struct.Struct(self.order + ("2Q" + "8x" * addend if wide else "2I" + "4x" * addend))
                table = self.reader.read(self._place(tag), self._value(size))
                symbols = (info >> (32 if wide else 8) for _, info in layout.iter_unpack(table))
                count = max(count, 1 + max(symbols, default=-1))
        return count

    def _read_symbols(self, count: int) -> None:
        result, wide = self.result, self.elf.elfclass == 64
        layout = struct.Struct(self.order + ("IBBHQQ" if wide else "IIIBBH"))
        name_, info_, other_, section_ = (0, 1, 2, 3) if wide else (0, 3, 4, 5)
        versions = self._unpack(f"{count}H", self._place("DT_VERSYM")) if "DT_VERSYM" in self.tags else ()
        inits, unversioned = set(), set()
        # Names may overlap in the string table, so its size does not bound theirs.
        undefined_budget, exported_budget = MAX_UNDEFINED_NAMES, MAX_EXPORTED_NAMES
        table = self.reader.read(self._place("DT_SYMTAB"), layout.size * count)
        for index, symbol in enumerate(layout.iter_unpack(table)):
            binding = symbol[info_] >> 4
            if binding not in _GLOBAL_BINDINGS or not symbol[name_]:
                continue
            name = self._string(symbol[name_])
            if symbol[section_]:
                exported_budget -= len(name)
                if symbol[other_] & 3 in _EXPORTED_VISIBILITIES:
                    result.exports.append(hash(name))
                    if name.startswith(_INIT_PREFIXES):
                        inits.add(_decoded(name))
            else:
                # An entry of a dict and a string take about 200 bytes besides the characters.
                undefined_budget -= len(name) + 200
                result.undefined[_decoded(name)] = binding == _STB_WEAK
                # Bit 15 marks a hidden version; 0 and 1 are no version.
                if not versions or versions[index] & 0x7FFF < 2:
                    unversioned.add(_decoded(name))
            if undefined_budget < 0 or exported_budget < 0:
                raise ElfError("symbol names far longer than any real ones")
        result.inits, result.unversioned = frozenset(inits), frozenset(unversioned)

    def _versions(self) -> dict[str, frozenset[str]]:
        at, found, budget = self._place("DT_VERNEED"), {}, MAX_VERSIONS
        for _ in range(min(self._value("DT_VERNEEDNUM"), MAX_VERSIONS)):
            _, entries, name, first, following = self._unpack("2H3I", at)
            versions = found.setdefault(_decoded(self._string(name)), set())
            entry_at = at + first
            for _ in range(entries):
                budget -= 1
                if budget < 0:
                    raise ElfError(f"more than {MAX_VERSIONS} symbol versions")
                _, _, _, label, step = self._unpack("I2H2I", entry_at)
                versions.add(_decoded(self._string(label)))
                if not step:
                    break
                entry_at += step
            if not following:
                break
            at += following
        return {library: frozenset(versions) for library, versions in found.items()}


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
