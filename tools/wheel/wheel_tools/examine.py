"""Reads a wheel once, for all checks: hashes, ELF files, and what its metadata promises."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from packaging.tags import InvalidTag, Tag, parse_tag

from wheel_tools.archive import Member, WheelArchive
from wheel_tools.cpython_symbols import is_python_symbol
from wheel_tools.elf import MACHINES, ElfError, ElfReader, SharedObject
from wheel_tools.errors import WheelError
from wheel_tools.evidence import Compiled, Scanner, compiled_for
from wheel_tools.findings import Finding
from wheel_tools.interpreters import Interpreter, installing
from wheel_tools.module_files import is_module
from wheel_tools.operators import registers_operators
from wheel_tools.pythons import open_from
from wheel_tools.record import STRONG_HASHES, RecordEntry, digests
from wheel_tools.requirements import CoreMetadata
from wheel_tools.soabi import ExtensionName, parse_extension_name
from wheel_tools.tags import LinuxPlatform, platforms

T = TypeVar("T")

# A zip bomb is refused before any of it is decompressed. Deflate reaches 1032:1; members of real wheels stay below
# 30:1, except small ones.
BOMB_RATIO = 200
BOMB_FLOOR = 16 << 20
BOMB_TOTAL_RATIO = 100
BOMB_TOTAL = 64 << 30
MAX_MEMBERS = 200_000

_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_DATA = re.compile(r"[^/]+\.data/(platlib|purelib|data|scripts)/(.*)", re.DOTALL)
# Where installers put the schemes of .data, relative to site-packages (lib/python3.X/site-packages).
_SCHEMES = {"platlib": "", "purelib": "", "data": "../../../", "scripts": "../../../bin/"}
_LINKER_SCRIPT = re.compile(rb"\s*(?:/\*|GROUP|INPUT|OUTPUT_FORMAT)")
_NUMBERED = re.compile(r".*\.so(?:\.\d\w*)+", re.DOTALL)


@dataclass
class Library:
    """An ELF file of the wheel: an extension module, a library or a program."""

    # The member's name in the archive.
    path: str
    # Its path relative to site-packages once it is installed; `*.data/platlib/x` is "x".
    location: str
    # Its name as an extension module; None for a name such as libfoo.so.1, which import ignores.
    name: ExtensionName | None
    size: int
    digest: str = ""
    elf: SharedObject | None = None
    # Why it cannot be read as ELF; "" if it can.
    error: str = ""
    marks: Scanner = field(default_factory=Scanner)
    compiled: Compiled | None = None
    is_module: bool = False
    # Whether it registers operators with torch, and is no module.
    is_operators: bool = False

    @property
    def base(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass
class Wheel:
    """The facts that the checks use. Properties of the archive that cannot be read are findings."""

    archive: WheelArchive
    findings: list[Finding] = field(default_factory=list)
    # Member index → algorithm → its digest as RECORD writes it; without members that could not be read.
    digests: dict[int, dict[str, str]] = field(default_factory=dict)
    libraries: list[Library] = field(default_factory=list)
    programs: list[Library] = field(default_factory=list)
    # Whether any member is an ELF file.
    compiled: bool = False
    # The tags of the file name; those of WHEEL if the file name cannot be read.
    tags: frozenset[Tag] = frozenset()
    platforms: list[LinuxPlatform] = field(default_factory=list)
    metadata: CoreMetadata = field(default_factory=CoreMetadata)
    # The CPythons that Requires-Python and the tags admit.
    interpreters: list[Interpreter] = field(default_factory=list)
    # The first unknown CPython 3.X, where Requires-Python admits it and every later one.
    open_from: int | None = None

    @property
    def file_name(self) -> str:
        return self.archive.path.name

    @property
    def modules(self) -> list[Library]:
        return [library for library in self.libraries if library.is_module]

    def module_groups(self) -> Iterator[tuple[str, list[Library]]]:
        """Each extension module by its dotted name, with all files that provide it."""
        groups: dict[str, list[Library]] = {}
        for library in self.modules:
            groups.setdefault(library.name.dotted, []).append(library)
        yield from sorted(groups.items())

    @property
    def machines(self) -> set[str]:
        """The machines of the platform tags, as ELF files name them; without those that are not known."""
        found = {"armv7l" if platform.machine == "armv6l" else platform.machine for platform in self.platforms}
        return found & set(MACHINES.values())

    def targets(self, files: list[Library]) -> list[LinuxPlatform]:
        """The tags' platforms; without any, the plain Linux of the machine that the files are for."""
        machine = next((file.elf.machine for file in files if file.elf), "x86_64")
        return self.platforms or [LinuxPlatform("", machine)]

    def provider(self, files: list[Library], python: Interpreter, platform: LinuxPlatform) -> Library | None:
        """The file of a module that the import system of this CPython takes; None without any."""
        by_suffix = {file.base[len(file.name.module) :]: file for file in files}
        return next((by_suffix[s] for s in python.suffixes(platform) if s in by_suffix), None)

    def served_by(self, library: Library, files: list[Library]) -> list[Interpreter]:
        """The CPythons that load this file of a module."""
        targets = self.targets(files)
        return [p for p in self.interpreters if any(self.provider(files, p, t) is library for t in targets)]

    def ask(self, rule: str, attribute: str, default: T) -> T:
        """archive.<attribute>; a failure becomes a finding (once) and the default."""
        try:
            return getattr(self.archive, attribute)
        except WheelError as error:
            self.add(rule, error)
            return default

    def add(self, rule: str, error: WheelError) -> None:
        where = error.where.partition(": ")[2] or error.where
        finding = Finding(rule, where, error.found, error.expected, error.fix)
        if finding not in self.findings:
            self.findings.append(finding)


class UnreadableError(Exception):
    """A file that is refused as a whole."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.found)
        self.finding = finding


def examine(archive: WheelArchive) -> Wheel:
    """Reads everything that the checks need; raises UnreadableError for a bomb and the like."""
    _refuse_hostile(archive)
    wheel = Wheel(archive)
    name = wheel.ask("wheel-name", "name", None)
    described = wheel.ask("wheel-tags", "wheel", None)
    wheel.tags = name.tags if name else valid_tags(described.tags if described else [])[0]
    wheel.platforms = platforms(wheel.tags)
    wheel.metadata = wheel.ask("metadata", "core", CoreMetadata())
    wheel.interpreters = installing(wheel.metadata.requires_python, wheel.tags)
    wheel.open_from = open_from(wheel.metadata.requires_python)
    entries = {entry.path: entry for entry in wheel.ask("record-unreadable", "record", None) or []}
    for member in archive.members:
        if not member.is_dir:
            try:
                _read_member(wheel, member, entries.get(member.name))
            except WheelError as error:
                wheel.add("member-unreadable", error)
    _mark_modules(wheel)
    return wheel


def valid_tags(texts: list[str]) -> tuple[frozenset[Tag], list[str]]:
    """The tags of WHEEL's Tag lines, and the lines that are no tags."""
    tags, odd = set(), []
    for text in texts:
        try:
            tags |= parse_tag(text)
        except (InvalidTag, ValueError):
            odd.append(text)
    return frozenset(tags), odd


def _refuse_hostile(archive: WheelArchive) -> None:
    def refuse(rule: str, path: str, found: str, required: str) -> None:
        raise UnreadableError(Finding(rule, path, found, required))

    file_name = archive.path.name
    size = archive.path.stat().st_size
    if len(archive.members) > MAX_MEMBERS:
        refuse("zip-bomb", file_name, f"{len(archive.members)} members", f"at most {MAX_MEMBERS}")
    total = sum(member.size for member in archive.members)
    if total > max(size * BOMB_TOTAL_RATIO, BOMB_FLOOR) or total > BOMB_TOTAL:
        limit = f"at most {BOMB_TOTAL_RATIO} times the archive's size, and {BOMB_TOTAL} bytes"
        refuse("zip-bomb", file_name, f"{total} bytes compressed to {size}", limit)
    end, last = 0, ""
    for member in sorted(archive.members, key=lambda m: m.info.header_offset):
        if member.size > BOMB_FLOOR and member.size > member.compressed_size * BOMB_RATIO:
            found = f"{member.size} bytes compressed to {member.compressed_size}"
            refuse("zip-bomb", member.name, found, f"at most {BOMB_RATIO} times as many")
        if member.info.flag_bits & 1:
            refuse("zip-encrypted", member.name, "an encrypted member", "members that can be read")
        if member.info.compress_type not in _METHODS:
            found = f"compression method {member.info.compress_type}"
            refuse("zip-method", member.name, found, "stored or deflated members, as in every wheel")
        if member.info.header_offset < end:
            found = f"data that overlaps that of {last}"
            refuse("zip-bomb", member.name, found, "members that lie one after another")
        # 30 bytes of local header come before the name and the data.
        end = member.info.header_offset + 30 + member.compressed_size
        last = member.name


def _read_member(wheel: Wheel, member: Member, entry: RecordEntry | None) -> None:
    chunks = wheel.archive.chunks(member)
    algorithms = {"sha256"} | ({entry.algorithm} & set(STRONG_HASHES) if entry else set())
    start = next(chunks, b"")
    match = _DATA.fullmatch(member.name)
    location = _SCHEMES[match[1]] + match[2] if match else member.name
    importable = not location.startswith("../")
    name = parse_extension_name(location) if importable else None
    library = Library(member.name, location, name, member.size)
    shared = member.name.endswith(".so") or bool(_NUMBERED.fullmatch(library.base))
    if not (start.startswith(b"\x7fELF") or shared):
        wheel.digests[member.index] = digests(chain([start], chunks), algorithms)[0]
        return
    wheel.compiled = True
    reader = ElfReader()
    deep_gemm = location.rpartition("/")[0].endswith("deep_gemm")
    library.marks.collect_includes = deep_gemm
    # A file for the stable ABI is checked only by its symbols.
    scanned = deep_gemm or (name is not None and name.kind not in ("abi3", "abi3t"))

    def tee() -> Iterator[bytes]:
        for chunk in chain([start], chunks):
            reader.feed(chunk)
            if scanned:
                library.marks.feed(chunk)
            yield chunk

    wheel.digests[member.index] = digests(tee(), algorithms)[0]
    library.digest = wheel.digests[member.index]["sha256"]
    try:
        library.elf = reader.parse()
    except ElfError as error:
        library.error = str(error)
    if shared and not (library.elf is None and _LINKER_SCRIPT.match(start)):
        wheel.libraries.append(library)
    elif library.elf and library.elf.program:
        wheel.programs.append(library)


def _mark_modules(wheel: Wheel) -> None:
    """Sets is_module, is_operators and compiled of each library."""
    needed = {name for library in wheel.libraries if library.elf for name in library.elf.needed}
    for library in wheel.libraries:
        library.is_module = library.name is not None and is_module(library.name, library.elf, needed)
        library.is_operators = not library.is_module and library.elf is not None and registers_operators(library.elf)
        # Most operator libraries have nothing of Python, and serve every CPython.
        of_python = library.is_module or (library.is_operators and any(map(is_python_symbol, library.elf.undefined)))
        if of_python and library.elf and library.name and library.name.kind not in ("abi3", "abi3t"):
            library.compiled = compiled_for(library.elf, library.marks)
