"""One ELF shared object, read from a stream in bounded memory.

The dynamic loader looks at segments only, never at sections, so neither does this: a stripped file
without a section table is read like any other, and a false section table misleads nobody.
pyelftools decodes the headers and the dynamic entries; the symbol table, which can have a million
entries, is walked with `struct`.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from elftools.common.utils import struct_parse
from elftools.elf.elffile import ELFFile

# Whatever is read beyond these is an error: no real extension module comes near.
MAX_SEGMENTS = 256
MAX_DYNAMIC = 1 << 16
MAX_SYMBOLS = 1_000_000
MAX_STRINGS = 32 << 20
MAX_NAME = 1 << 15
MAX_VERSIONS = 4096
MAX_RELOCATIONS = 24 << 20

# The first bytes of a file are kept, and so is a small file as a whole. The tables of a larger one
# nearly always lie in its first bytes; what does not is read by decompressing the member again.
HEAD = 8 << 20
_READ_AHEAD = 1 << 20
_MAX_EXTRA = 80 << 20
_MAX_PASSES = 12

_PF_X = 1
MACHINES = {
    "EM_X86_64": "x86_64",
    "EM_AARCH64": "aarch64",
    "EM_386": "i686",
    "EM_ARM": "armv7l",
    "EM_PPC64": "ppc64le",
    "EM_S390": "s390x",
    "EM_RISCV": "riscv64",
    "EM_LOONGARCH": "loongarch64",
}


class ElfError(Exception):
    """The bytes are not a shared object that the dynamic loader could load; one line."""


@dataclass(frozen=True)
class Segment:
    type: str
    flags: int
    offset: int
    address: int
    size: int
    memory_size: int


@dataclass
class SharedObject:
    """What the checks ask of a shared object."""

    machine: str
    bits: int
    little_endian: bool
    soname: str = ""
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    stack_flags: int | None = None
    text_relocations: bool = False
    # Names of exported PyInit functions.
    inits: frozenset[str] = frozenset()
    # Undefined symbol → whether the reference is weak.
    undefined: dict[str, bool] = field(default_factory=dict)
    # Library → the symbol versions required of it.
    versions: dict[str, frozenset[str]] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()
    strings: tuple[int, int] = (0, 0)
    relocations: tuple[int, int] = (0, 0)

    @property
    def executable_stack(self) -> bool:
        """True without PT_GNU_STACK too: the loader then grants one on most machines."""
        return self.stack_flags is None or bool(self.stack_flags & _PF_X)

    def newest(self, prefix: str) -> str:
        """The newest required version such as GLIBC_2.28 among those with a numeric part, or ""."""
        numbers = [n for versions in self.versions.values() for v in versions if (n := version_number(v, prefix))]
        return f"{prefix}_" + ".".join(map(str, max(numbers))) if numbers else ""


def version_number(version: str, prefix: str) -> tuple[int, ...] | None:
    head, _, rest = version.partition("_")
    if head != prefix or not re.fullmatch(r"\d{1,6}(\.\d{1,6}){0,4}", rest, re.ASCII):
        return None
    return tuple(map(int, rest.split(".")))


class ElfReader:
    """Takes a file's bytes once, in order, and then answers from what it kept.

    reader = ElfReader(size, reopen)     # reopen() gives the bytes once more, from the start
    for chunk in chunks: reader.feed(chunk)
    shared_object = reader.parse()
    """

    def __init__(self, size: int, reopen: Callable[[], Iterable[bytes]]) -> None:
        self.size = size
        self._reopen = reopen
        self._head = bytearray()
        self._extents: list[tuple[int, bytes]] = []
        self._passes = 0

    def feed(self, chunk: bytes) -> None:
        if len(self._head) < HEAD:
            self._head += chunk[: HEAD - len(self._head)]

    def read(self, offset: int, size: int) -> bytes:
        """Exactly these bytes, or ElfError."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise ElfError(f"a table at bytes {offset} to {offset + size} of a file that has {self.size} (truncated?)")
        if offset + size <= len(self._head):
            return bytes(self._head[offset : offset + size])
        for start, data in self._extents:
            if start <= offset and offset + size <= start + len(data):
                return data[offset - start : offset - start + size]
        return self._fetch(offset, size)

    def _fetch(self, offset: int, size: int) -> bytes:
        wanted = min(max(size, _READ_AHEAD), self.size - offset)
        self._passes += 1
        if self._passes > _MAX_PASSES or wanted + sum(len(data) for _, data in self._extents) > _MAX_EXTRA:
            raise ElfError("tables that are scattered over the file, or far larger than those of any extension module")
        data, at = bytearray(), 0
        for chunk in self._reopen():
            first = max(offset - at, 0)
            if first < len(chunk):
                data += chunk[first : first + wanted - len(data)]
            at += len(chunk)
            if len(data) >= wanted:
                break
        if len(data) < size:
            raise ElfError("a file that ends before its tables do")
        self._extents.append((offset, bytes(data)))
        return bytes(data[:size])

    def windows(self, overlap: int = 64) -> Iterator[tuple[int, bytes]]:
        """All bytes as (offset, window); each window begins with the last one's last bytes."""
        if self.size <= len(self._head):
            yield 0, bytes(self._head)
            return
        at, tail = 0, b""
        for chunk in self._reopen():
            yield at - len(tail), tail + chunk
            at += len(chunk)
            tail = (tail + chunk)[-overlap:]

    def parse(self) -> SharedObject:
        try:
            return _parse(self)
        except ElfError:
            raise
        # pyelftools answers hostile bytes with exceptions of many kinds; all of them mean the same.
        except Exception as error:
            text = str(error).splitlines()[0][:120] if str(error) else ""
            raise ElfError(
                f"headers that cannot be decoded ({type(error).__name__}{': ' + text if text else ''})"
            ) from None


def _parse(reader: ElfReader) -> SharedObject:
    start = reader.read(0, min(reader.size, 64))
    if not start.startswith(b"\x7fELF"):
        shown = start[:12].decode("ascii", "replace")
        raise ElfError(f"no ELF file (it begins with {shown!a})" if start else "an empty file")
    if len(start) < 64:
        raise ElfError(f"an ELF file of {reader.size} bytes, cut off in its first header")
    elf = ELFFile(_View(reader, _without_sections(start)))
    if elf["e_type"] != "ET_DYN":
        raise ElfError(f"an ELF file of type {elf['e_type']}, which is no shared object (ET_DYN)")
    if not 0 < elf["e_phnum"] <= MAX_SEGMENTS:
        raise ElfError(f"{elf['e_phnum']} program headers")
    reader.read(elf["e_phoff"], elf["e_phnum"] * elf["e_phentsize"])
    result = SharedObject(MACHINES.get(elf["e_machine"], str(elf["e_machine"])), elf.elfclass, elf.little_endian)
    if elf["e_machine"] == "EM_PPC64" and not elf.little_endian:
        result.machine = "ppc64"
    result.segments = tuple(_segments(elf))
    for segment in result.segments:
        if segment.type == "PT_LOAD" and segment.offset + segment.size > reader.size:
            raise ElfError(
                f"a segment up to byte {segment.offset + segment.size} of a file that has {reader.size} (truncated?)"
            )
        if segment.type == "PT_GNU_STACK":
            result.stack_flags = segment.flags
    _read_dynamic(reader, elf, result)
    return result


def _without_sections(header: bytes) -> bytes:
    """The ELF header with no section table, so that nothing in it is ever followed."""
    patched = bytearray(header)
    if header[4] == 2:
        patched[0x28:0x30] = bytes(8)
        patched[0x3C:0x40] = bytes(4)
    else:
        patched[0x20:0x24] = bytes(4)
        patched[0x30:0x34] = bytes(4)
    return bytes(patched)


class _View(io.RawIOBase):
    """The reader as a seekable stream for pyelftools."""

    def __init__(self, reader: ElfReader, header: bytes) -> None:
        super().__init__()
        self._reader, self._header, self._at = reader, header, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (self._at if whence == 1 else self._reader.size if whence == 2 else 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(self._reader.size - self._at, 0)
        size = left if size < 0 else min(size, left)
        if size > MAX_DYNAMIC:
            raise ElfError("a header table far larger than any real one")
        data = self._reader.read(self._at, size)
        if self._at < len(self._header):
            patched = self._header[self._at : self._at + size]
            data = patched + data[len(patched) :]
        self._at += size
        return data


def _segments(elf: ELFFile) -> Iterator[Segment]:
    for index in range(elf["e_phnum"]):
        header = struct_parse(elf.structs.Elf_Phdr, elf.stream, stream_pos=elf["e_phoff"] + index * elf["e_phentsize"])
        yield Segment(
            str(header["p_type"]),
            header["p_flags"],
            header["p_offset"],
            header["p_vaddr"],
            header["p_filesz"],
            header["p_memsz"],
        )


def file_offset(segments: Iterable[Segment], address: int) -> int | None:
    """Where in the file the byte lies that is loaded at `address`; None if it is not in the file."""
    for segment in segments:
        if segment.type == "PT_LOAD" and 0 <= address - segment.address < segment.size:
            return address - segment.address + segment.offset
    return None


def _read_dynamic(reader: ElfReader, elf: ELFFile, result: SharedObject) -> None:
    dynamic = [s for s in result.segments if s.type == "PT_DYNAMIC"]
    if len(dynamic) != 1:
        raise ElfError(f"{len(dynamic)} dynamic segments; a shared object has one")
    if dynamic[0].size > MAX_DYNAMIC:
        raise ElfError(f"a dynamic segment of {dynamic[0].size} bytes")
    stream = io.BytesIO(reader.read(dynamic[0].offset, dynamic[0].size))
    tags: dict[str, list[int]] = {}
    entry_size = elf.structs.Elf_Dyn.sizeof()
    for _ in range(dynamic[0].size // entry_size):
        entry = struct_parse(elf.structs.Elf_Dyn, stream)
        if entry["d_tag"] == "DT_NULL":
            break
        tags.setdefault(str(entry["d_tag"]), []).append(entry["d_val"])

    def one(tag: str, default: int = 0) -> int:
        return tags.get(tag, [default])[-1]

    def place(tag: str) -> int:
        offset = file_offset(result.segments, one(tag))
        if offset is None:
            raise ElfError(f"a {tag} that points outside the file")
        return offset

    for tag in ("DT_STRTAB", "DT_SYMTAB", "DT_STRSZ"):
        if tag not in tags:
            raise ElfError(f"a dynamic segment without {tag}")
    if one("DT_STRSZ") > MAX_STRINGS:
        raise ElfError(f"a string table of {one('DT_STRSZ')} bytes")
    strings_at = place("DT_STRTAB")
    result.strings = (strings_at, strings_at + one("DT_STRSZ"))
    strings = reader.read(strings_at, one("DT_STRSZ"))
    result.needed = tuple(_string(strings, v) for v in tags.get("DT_NEEDED", []))
    result.soname = _string(strings, one("DT_SONAME")) if "DT_SONAME" in tags else ""
    # An empty string is no entry; an empty entry inside a list means the working directory.
    paths = [_string(strings, v) for t in ("DT_RPATH", "DT_RUNPATH") for v in tags.get(t, [])]
    result.rpath = tuple(entry for path in paths if path for entry in path.split(":"))
    # DF_TEXTREL is 4 in DT_FLAGS.
    result.text_relocations = "DT_TEXTREL" in tags or bool(one("DT_FLAGS") & 4)
    if "DT_RELA" in tags and one("DT_RELASZ") <= MAX_RELOCATIONS:
        result.relocations = (place("DT_RELA"), one("DT_RELASZ"))
    order = "<" if elf.little_endian else ">"
    count = _symbol_count(reader, order, elf.elfclass, tags, place)
    _read_symbols(reader, place("DT_SYMTAB"), count, strings, result)
    if "DT_VERNEED" in tags:
        _read_versions(reader, place("DT_VERNEED"), one("DT_VERNEEDNUM"), strings, result)


def _string(strings: bytes, at: int) -> str:
    end = strings.find(b"\0", at, at + MAX_NAME) if at < len(strings) else -1
    if end < 0:
        raise ElfError("a name that lies outside the string table")
    return strings[at:end].decode("utf-8", "backslashreplace")


def _symbol_count(
    reader: ElfReader, order: str, bits: int, tags: dict[str, list[int]], place: Callable[[str], int]
) -> int:
    """The dynamic symbol table has no length of its own; the hash tables tell it."""
    if "DT_HASH" in tags:
        count = struct.unpack(order + "2I", reader.read(place("DT_HASH"), 8))[1]
    elif "DT_GNU_HASH" in tags:
        count = _gnu_hash_count(reader, order, bits, place("DT_GNU_HASH"))
    else:
        raise ElfError("a shared object without a symbol hash table: no symbol can be looked up")
    if count > MAX_SYMBOLS:
        raise ElfError(f"{count} dynamic symbols; at most {MAX_SYMBOLS} are read")
    return count


def _gnu_hash_count(reader: ElfReader, order: str, bits: int, at: int) -> int:
    buckets, first, bloom, _ = struct.unpack(order + "4I", reader.read(at, 16))
    if buckets > MAX_SYMBOLS or bloom > MAX_SYMBOLS or first > MAX_SYMBOLS:
        raise ElfError("a symbol hash table far larger than any real one")
    at += 16 + bloom * bits // 8
    last = max(struct.unpack(f"{order}{buckets}I", reader.read(at, 4 * buckets)), default=0)
    if last < first:
        return first
    chain = at + 4 * buckets
    while last < MAX_SYMBOLS:
        if struct.unpack(order + "I", reader.read(chain + 4 * (last - first), 4))[0] & 1:
            break
        last += 1
    return last + 1


def _read_symbols(reader: ElfReader, at: int, count: int, strings: bytes, result: SharedObject) -> None:
    wide = result.bits == 64
    order = "<" if result.little_endian else ">"
    layout = struct.Struct(order + ("IBBHQQ" if wide else "IIIBBH"))
    inits = set()
    # Names may overlap in the string table, so its size does not bound theirs.
    budget = MAX_STRINGS
    for symbol in layout.iter_unpack(reader.read(at, layout.size * count)):
        info, other, section = (symbol[1], symbol[2], symbol[3]) if wide else symbol[3:]
        binding = info >> 4
        # STB_GLOBAL, STB_WEAK, STB_GNU_UNIQUE.
        if binding not in (1, 2, 10) or not symbol[0]:
            continue
        # Only STV_DEFAULT and STV_PROTECTED can be found by dlsym.
        exported = other & 3 in (0, 3) and strings[symbol[0] : symbol[0] + 6] == b"PyInit"
        if section and not exported:
            continue
        name = _string(strings, symbol[0])
        # An entry of a dict and a string cost about this much besides the characters.
        budget -= len(name) + 200
        if budget < 0:
            raise ElfError("names of undefined symbols far longer than any real ones")
        if section:
            inits.add(name)
        else:
            result.undefined[name] = binding == 2
    result.inits = frozenset(inits)


def _read_versions(reader: ElfReader, at: int, count: int, strings: bytes, result: SharedObject) -> None:
    order = "<" if result.little_endian else ">"
    need, aux = struct.Struct(order + "2H3I"), struct.Struct(order + "I2H2I")
    found: dict[str, set[str]] = {}
    budget = MAX_VERSIONS
    for _ in range(min(count, MAX_VERSIONS)):
        _, entries, name, first, following = need.unpack(reader.read(at, need.size))
        versions = found.setdefault(_string(strings, name), set())
        entry_at = at + first
        for _ in range(entries):
            budget -= 1
            if budget < 0:
                raise ElfError(f"more than {MAX_VERSIONS} symbol versions")
            _, _, _, label, step = aux.unpack(reader.read(entry_at, aux.size))
            versions.add(_string(strings, label))
            if not step:
                break
            entry_at += step
        if not following:
            break
        at += following
    result.versions = {library: frozenset(versions) for library, versions in found.items()}


def relative_slots(reader: ElfReader, elf: SharedObject, targets: frozenset[int]) -> Iterator[int]:
    """Addresses whose word is set at load time to one of the target addresses (64-bit, RELA)."""
    relative = {"x86_64": 8, "aarch64": 1027}.get(elf.machine)
    if relative is None or elf.bits != 64 or not elf.little_endian or not targets:
        return
    at, size = elf.relocations
    for slot, info, addend in struct.iter_unpack("<QQq", reader.read(at, size // 24 * 24)):
        if info == relative and addend in targets:
            yield slot
