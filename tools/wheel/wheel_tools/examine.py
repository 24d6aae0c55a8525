"""Reads a wheel once, for all checks: hashes, extension modules, and what its metadata promises."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag

from wheel_tools.archive import Member, WheelArchive
from wheel_tools.elf import ElfError, ElfReader, SharedObject
from wheel_tools.errors import WheelError
from wheel_tools.evidence import Compiled, Marks, compiled_for, scan
from wheel_tools.findings import Finding
from wheel_tools.record import sha256
from wheel_tools.served import admitted_minors, installable_minors
from wheel_tools.soabi import ExtensionName, init_function, parse_extension_name

T = TypeVar("T")

# A zip bomb is refused before anything of it is decompressed. Deflate reaches 1032:1; members of
# real wheels stay below 30:1, save small ones.
BOMB_RATIO = 200
BOMB_FLOOR = 16 << 20
BOMB_TOTAL_RATIO = 100
BOMB_TOTAL = 64 << 30
MAX_MEMBERS = 200_000

_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


@dataclass
class Library:
    """A shared object of the wheel: an extension module if `is_module`."""

    name: ExtensionName
    size: int
    digest: str = ""
    elf: SharedObject | None = None
    error: str = ""
    marks: Marks = field(default_factory=Marks)
    compiled: Compiled | None = None

    @property
    def path(self) -> str:
        return self.name.path

    @property
    def is_module(self) -> bool:
        """A tag in the name claims it; without one, only an exported PyInit function does."""
        if self.name.kind != "plain":
            return True
        if self.elf is None:
            return not self.name.module.startswith("lib")
        return init_function(self.name.module) in self.elf.inits


@dataclass
class Wheel:
    """What the checks look at. Properties of the archive that cannot be read are findings."""

    archive: WheelArchive
    findings: list[Finding] = field(default_factory=list)
    # Member index → its "sha256=…" and size; without those that could not be read.
    digests: dict[int, str] = field(default_factory=dict)
    libraries: list[Library] = field(default_factory=list)
    tags: frozenset[Tag] = frozenset()
    requires_python: SpecifierSet | None = None
    # CPython 3.X that Requires-Python admits, and those of them that the tags let in.
    admitted: tuple[int, ...] = ()
    installable: tuple[int, ...] = ()
    # The oldest minor from which on every later CPython is admitted too, or None.
    open_from: int | None = None

    @property
    def modules(self) -> list[Library]:
        return [library for library in self.libraries if library.is_module]

    def module_groups(self) -> Iterator[tuple[str, list[Library]]]:
        """Each extension module by its dotted name, with all files that provide it."""
        groups: dict[str, list[Library]] = {}
        for library in self.modules:
            groups.setdefault(library.name.dotted, []).append(library)
        yield from sorted(groups.items())

    def ask(self, rule: str, attribute: str, default: T) -> T:
        """archive.<attribute>; a failure becomes a finding (once) and the default."""
        try:
            return getattr(self.archive, attribute)
        except WheelError as error:
            self._add(rule, error)
            return default

    def _add(self, rule: str, error: WheelError) -> None:
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
    wheel.tags = name.tags if name else described.tag_set if described else frozenset()
    wheel.requires_python = wheel.ask("requires-python", "requires_python", None)
    wheel.admitted, wheel.open_from = admitted_minors(wheel.requires_python)
    wheel.installable = installable_minors(wheel.admitted, wheel.tags)
    for member in archive.members:
        if member.is_dir:
            continue
        try:
            _read_member(wheel, member)
        except WheelError as error:
            wheel._add("member-unreadable", error)
    return wheel


def _refuse_hostile(archive: WheelArchive) -> None:
    def refuse(rule: str, path: str, found: str, required: str) -> None:
        raise UnreadableError(
            Finding(rule, path, found, required, "do not install it; get the wheel from its publisher")
        )

    file_name = archive.path.name
    size = archive.path.stat().st_size
    if len(archive.members) > MAX_MEMBERS:
        refuse("zip-bomb", file_name, f"{len(archive.members)} members", f"at most {MAX_MEMBERS}")
    total = sum(member.size for member in archive.members)
    if total > max(size * BOMB_TOTAL_RATIO, BOMB_FLOOR) or total > BOMB_TOTAL:
        refuse(
            "zip-bomb",
            file_name,
            f"{total} bytes compressed to {size}",
            f"at most {BOMB_TOTAL_RATIO} times the archive's size, and {BOMB_TOTAL} bytes",
        )
    end, last = 0, ""
    for member in sorted(archive.members, key=lambda m: m.info.header_offset):
        if member.size > BOMB_FLOOR and member.size > member.compressed_size * BOMB_RATIO:
            refuse(
                "zip-bomb",
                member.name,
                f"{member.size} bytes compressed to {member.compressed_size}",
                f"at most {BOMB_RATIO} times as many",
            )
        if member.info.flag_bits & 1:
            refuse("zip-encrypted", member.name, "an encrypted member", "members one can read")
        if member.info.compress_type not in _METHODS:
            refuse(
                "zip-method",
                member.name,
                f"compression method {member.info.compress_type}",
                "stored or deflated members, as in every wheel",
            )
        # 30 bytes of local header come before the name and the data.
        if member.info.header_offset < end:
            refuse("zip-bomb", member.name, f"data that overlaps that of {last}", "members that lie one after another")
        end = member.info.header_offset + 30 + member.compressed_size
        last = member.name


def _read_member(wheel: Wheel, member: Member) -> None:
    chunks = wheel.archive.chunks(member)
    name = parse_extension_name(member.name)
    if name is None:
        if ".so." not in member.name.rpartition("/")[2]:
            wheel.digests[member.index] = sha256(chunks)[0]
            return
        # A bundled library such as libfoo.so.1; never a module, since import ignores it.
        name = ExtensionName(member.name, member.name.rpartition("/")[0], "lib", "plain")
    reader = ElfReader(member.size, lambda: wheel.archive.chunks(member))
    library = Library(name, member.size)
    wheel.libraries.append(library)

    def tee() -> Iterator[bytes]:
        for chunk in chunks:
            reader.feed(chunk)
            yield chunk

    library.digest = wheel.digests[member.index] = sha256(tee())[0]
    try:
        library.elf = reader.parse()
        # A stable-ABI file is judged by its symbols alone; only DeepGEMM's code is looked into.
        judged = library.is_module and name.kind not in ("abi3", "abi3t")
        if judged or name.package.endswith("deep_gemm"):
            library.marks = scan(reader, library.elf, name.module)
        if judged:
            library.compiled = compiled_for(reader, library.elf, library.marks)
    except ElfError as error:
        library.elf, library.error = None, str(error)
