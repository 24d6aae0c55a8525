"""A wheel, read in place: nothing is unpacked, members are streamed, metadata is read lazily.

    with WheelArchive(path) as wheel:
        wheel.name.version, wheel.requires_python, wheel.record
        for member in wheel.members:
            for chunk in wheel.chunks(member): ...

Every failure that the bytes of the file can cause is a WheelError.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.errors import MessageError
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TypeVar

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, parse_tag
from packaging.utils import BuildTag, InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from wheel_tools.errors import WheelError
from wheel_tools.record import RecordEntry, duplicates, parse_record

T = TypeVar("T")

CHUNK = 1 << 20

# Limits on what is held in memory at once. The largest real wheels stay far below: vLLM's central
# directory is 0.7 MB for 5,800 members, its RECORD 0.7 MB, its METADATA 12 kB.
MAX_DIRECTORY = 8 << 20
MAX_METADATA = 16 << 20

_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_END_RECORD = struct.Struct("<4s4H2IH")
_END_RECORD_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR_64 = struct.Struct("<4sIQI")

_DOWNLOAD = "download or build it anew"
# What zipfile and the decompressors raise for bytes that are not what they should be.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    UnicodeError,
    ValueError,
    OverflowError,
    LookupError,
    OSError,
)


@dataclass(frozen=True)
class WheelName:
    """A wheel's file name, taken apart. The `raw_…` parts are as written."""

    file_name: str
    distribution: str
    version: Version
    build: BuildTag
    tags: frozenset[Tag]
    raw_distribution: str
    raw_version: str
    raw_build: str
    raw_tag: str


@dataclass(frozen=True)
class Member:
    """One entry of the archive's directory, in the directory's order."""

    index: int
    name: str
    size: int
    compressed_size: int
    crc: int
    mode: int
    info: zipfile.ZipInfo

    @property
    def is_dir(self) -> bool:
        return self.name.endswith("/")


@dataclass(frozen=True)
class WheelFile:
    """The WHEEL file: its headers in order, and the three that have a meaning here."""

    headers: tuple[tuple[str, str], ...]

    def values(self, key: str) -> list[str]:
        return [value for name, value in self.headers if name.lower() == key.lower()]

    @property
    def tags(self) -> list[str]:
        """The Tag lines as written; each should be one uncompressed tag."""
        return self.values("Tag")

    @property
    def tag_set(self) -> frozenset[Tag]:
        return frozenset(tag for text in self.tags for tag in parse_tag(text))


class WheelArchive:
    """An open wheel. Use it in a `with` statement, or call close()."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._file: BinaryIO = self.path.open("rb")
        except OSError as error:
            raise WheelError(
                str(path),
                found=f"a file that cannot be read ({error.strerror})",
                expected="a wheel",
                fix="check the path",
            ) from None
        try:
            self._check_directory_size()
            self._zip = self._guard("open", lambda: zipfile.ZipFile(self._file))
        except BaseException:
            self._file.close()
            raise
        self.members: tuple[Member, ...] = tuple(
            Member(
                index, info.orig_filename, info.file_size, info.compress_size, info.CRC, info.external_attr >> 16, info
            )
            for index, info in enumerate(self._zip.infolist())
        )

    def __enter__(self) -> WheelArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._zip.close()
        self._file.close()

    # Errors

    def error(self, *, found: str, expected: str, fix: str, member: str = "") -> WheelError:
        """An error about this wheel, or about one member of it."""
        where = f"{self.path.name}: {member}" if member else self.path.name
        return WheelError(where, found=found, expected=expected, fix=fix)

    def _guard(self, what: str, action: Callable[[], T], member: str = "") -> T:
        try:
            return action()
        except WheelError:
            raise
        except _ZIP_ERRORS as error:
            text = str(error) or type(error).__name__
            expected = "a readable member" if member else "a wheel, which is a zip archive"
            found = f"damage ({text})" if member else f"no zip archive that one can {what} ({text})"
            raise self.error(found=found, expected=expected, fix=_DOWNLOAD, member=member) from None

    def _check_directory_size(self) -> None:
        """Refuses a directory that would fill the memory, before zipfile reads it."""
        size = self._file.seek(0, 2)
        if size == 0:
            raise self.error(found="an empty file", expected="a wheel", fix=_DOWNLOAD)
        tail_at = max(0, size - _END_RECORD.size - 0xFFFF)
        self._file.seek(tail_at)
        tail = self._file.read(size - tail_at)
        at = tail.rfind(b"PK\5\6")
        if at < 0 or len(tail) - at < _END_RECORD.size:
            self._file.seek(0)
            start = self._file.read(4)
            found = (
                "a zip archive without its end (a truncated download?)"
                if start == b"PK\3\4"
                else "a file that is not a zip archive"
            )
            raise self.error(found=f"{found}, {size} bytes", expected="a wheel, which is a zip archive", fix=_DOWNLOAD)
        directory = _END_RECORD.unpack_from(tail, at)[5]
        locator_at = tail_at + at - _LOCATOR_64.size
        if locator_at >= _END_RECORD_64.size:
            self._file.seek(locator_at - _END_RECORD_64.size)
            block = self._file.read(_END_RECORD_64.size + _LOCATOR_64.size)
            # zipfile believes a zip64 end record wherever its locator stands.
            if block[_END_RECORD_64.size :].startswith(b"PK\6\7") and block.startswith(b"PK\6\6"):
                directory = max(directory if directory != 0xFFFFFFFF else 0, _END_RECORD_64.unpack_from(block)[8])
        if directory > MAX_DIRECTORY:
            raise self.error(
                found=f"an archive directory of {directory} bytes", expected=f"at most {MAX_DIRECTORY}", fix=_DOWNLOAD
            )

    # The file name

    @cached_property
    def name(self) -> WheelName:
        file_name = self.path.name
        try:
            distribution, version, build, tags = parse_wheel_filename(file_name)
        except (InvalidWheelFilename, ValueError) as error:
            raise self.error(
                found=f"a file name that is not a wheel's ({error})",
                expected="NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl",
                fix="give the file back the name that it was published under",
            ) from None
        parts = file_name[: -len(".whl")].split("-")
        return WheelName(
            file_name,
            distribution,
            version,
            build,
            tags,
            parts[0],
            parts[1],
            parts[2] if len(parts) == 6 else "",
            "-".join(parts[-3:]),
        )

    # Members

    @cached_property
    def by_name(self) -> dict[str, Member]:
        """The members that are files. Of a duplicated name the last, as installers see it."""
        return {member.name: member for member in self.members if not member.is_dir}

    @cached_property
    def duplicate_names(self) -> list[str]:
        return list(duplicates(member.name for member in self.members))

    @cached_property
    def unsafe_names(self) -> list[str]:
        """Names that are absolute, climb out, or are spelt so that tools disagree about them."""
        return [
            member.name
            for member in self.members
            if not is_safe_name(member.name) or member.name != member.info.filename
        ]

    def get(self, name: str) -> Member | None:
        return self.by_name.get(name)

    def chunks(self, member: Member, size: int = CHUNK) -> Iterator[bytes]:
        """The member's bytes, decompressed, at most `size` at a time; its CRC is checked too."""
        with self._guard("read", lambda: self._zip.open(member.info), member.name) as stream:
            while True:
                chunk = self._guard("read", lambda: stream.read(size), member.name)
                if not chunk:
                    break
                yield chunk
            read = stream.tell()
        if read != member.size:
            raise self.error(
                found=f"{read} bytes of data",
                expected=f"{member.size}, as the archive's directory says",
                fix=_DOWNLOAD,
                member=member.name,
            )

    def read(self, member: Member, limit: int = MAX_METADATA) -> bytes:
        """The whole member; refuses one that says, or turns out, to be larger than the limit."""
        if member.size > limit:
            raise self.error(
                found=f"{member.size} bytes", expected=f"at most {limit}", fix=_DOWNLOAD, member=member.name
            )
        return b"".join(self.chunks(member))

    def data_offset(self, member: Member) -> int:
        """Where the member's compressed bytes begin, once its local header is seen to agree."""
        offset = member.info.header_offset
        self._file.seek(offset)
        header = self._file.read(_LOCAL_HEADER.size)
        if len(header) != _LOCAL_HEADER.size or not header.startswith(b"PK\3\4"):
            raise self.error(
                found="no local header where the archive's directory points",
                expected="one",
                fix=_DOWNLOAD,
                member=member.name,
            )
        fields = _LOCAL_HEADER.unpack(header)
        method, name_size, extra_size = fields[3], fields[9], fields[10]
        name = self._file.read(name_size)
        if method != member.info.compress_type or name != stored_name(member):
            raise self.error(
                found="a local header with another name or compression method",
                expected="the same as in the archive's directory",
                fix=_DOWNLOAD,
                member=member.name,
            )
        return offset + _LOCAL_HEADER.size + name_size + extra_size

    def raw_chunks(self, member: Member) -> Iterator[bytes]:
        """The member's bytes as they are stored, compressed."""
        left = member.compressed_size
        offset = self.data_offset(member)
        while left:
            self._file.seek(offset)
            chunk = self._file.read(min(left, CHUNK))
            if not chunk:
                raise self.error(
                    found="the end of the file", expected=f"{left} more bytes", fix=_DOWNLOAD, member=member.name
                )
            offset += len(chunk)
            left -= len(chunk)
            yield chunk

    # What the .dist-info directory says

    @cached_property
    def dist_info(self) -> str:
        """The name of the one .dist-info directory."""
        found = sorted(
            {
                name.split("/", 1)[0]
                for name in self.by_name
                if name.split("/", 1)[0].endswith(".dist-info") and "/" in name
            }
        )
        if len(found) != 1:
            raise self.error(
                found=f"{len(found)} .dist-info directories" + (f" ({', '.join(found[:4])})" if found else ""),
                expected="exactly one, as every wheel has",
                fix=_DOWNLOAD,
            )
        return found[0]

    def dist_info_bytes(self, name: str) -> bytes:
        path = f"{self.dist_info}/{name}"
        member = self.get(path)
        if member is None:
            raise self.error(found=f"no {path}", expected="one, as every wheel has", fix=_DOWNLOAD)
        return self.read(member)

    @cached_property
    def wheel(self) -> WheelFile:
        data = self.dist_info_bytes("WHEEL")
        where = f"{self.dist_info}/WHEEL"
        headers = []
        try:
            lines = data.decode("utf-8").splitlines()
        except UnicodeDecodeError:
            raise self.error(found="bytes that are not UTF-8", expected="text", fix=_DOWNLOAD, member=where) from None
        for line in lines:
            if not line.strip():
                continue
            key, colon, value = line.partition(":")
            if not colon or not key.strip():
                raise self.error(found=f"the line {line!r}", expected="'Key: value'", fix=_DOWNLOAD, member=where)
            headers.append((key.strip(), value.strip()))
        for tag in (value for key, value in headers if key.lower() == "tag"):
            if tag.count("-") != 2 or not all(tag.split("-")):
                raise self.error(found=f"the tag {tag!r}", expected="PYTHON-ABI-PLATFORM", fix=_DOWNLOAD, member=where)
        return WheelFile(tuple(headers))

    @cached_property
    def metadata_bytes(self) -> bytes:
        return self.dist_info_bytes("METADATA")

    @cached_property
    def metadata(self) -> RawMetadata:
        """METADATA as packaging reads it; fields that cannot be parsed are left out."""
        try:
            return parse_email(self.metadata_bytes)[0]
        except (MessageError, *_ZIP_ERRORS, TypeError, AttributeError) as error:
            raise self.error(
                found=f"text that cannot be parsed ({error})",
                expected="core metadata",
                fix=_DOWNLOAD,
                member=f"{self.dist_info}/METADATA",
            ) from None

    @cached_property
    def requires_python(self) -> SpecifierSet | None:
        """None where METADATA has no Requires-Python: every Python is admitted."""
        text = self.metadata.get("requires_python")
        if text is None:
            return None
        try:
            return SpecifierSet(text)
        except InvalidSpecifier:
            raise self.error(
                found=f"Requires-Python: {text}",
                expected="a version specifier such as >=3.11,<3.15",
                fix="have the wheel's publisher mend it",
                member=f"{self.dist_info}/METADATA",
            ) from None

    @cached_property
    def requires_dist(self) -> list[Requirement]:
        requirements = []
        for text in self.metadata.get("requires_dist", []):
            try:
                requirements.append(Requirement(text))
            except InvalidRequirement:
                raise self.error(
                    found=f"Requires-Dist: {text}",
                    expected="a requirement such as torch==2.14.0",
                    fix="have the wheel's publisher mend it",
                    member=f"{self.dist_info}/METADATA",
                ) from None
        return requirements

    @cached_property
    def record(self) -> list[RecordEntry]:
        name = f"{self.dist_info}/RECORD"
        return parse_record(self.dist_info_bytes("RECORD"), f"{self.path.name}: {name}")


def stored_name(member: Member) -> bytes:
    """The name as the archive spells it."""
    return member.name.encode("utf-8" if member.info.flag_bits & 0x800 else "cp437")


def is_safe_name(name: str) -> bool:
    """Whether every unzipping tool puts a member of this name at the same place below its root."""
    if not name or "\\" in name or "\0" in name or name[1:2] == ":":
        return False
    parts = name[:-1].split("/") if name.endswith("/") else name.split("/")
    return all(part not in ("", ".", "..") for part in parts)
