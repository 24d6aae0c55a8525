"""Reads a zip archive in place: nothing is unpacked, members are streamed.

Every failure that the bytes of the file can cause is a WheelError.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TypeVar

from wheel_tools.errors import WheelError

T = TypeVar("T")

CHUNK = 1 << 20

# Limits on what is held in memory at once, in bytes. Real wheels stay far below: the directory of vLLM's wheel is
# 0.7 MB for 5,800 members, its RECORD 0.7 MB, its METADATA 12 kB.
MAX_DIRECTORY = 8 << 20
MAX_MEMBER = 16 << 20

DOWNLOAD = "download the wheel again, or build it again"

# Headers of the zip format (APPNOTE.TXT, section 4.3), which zipwriter.py writes.
LOCAL_HEADER = struct.Struct("<4s5H3I2H")
END_RECORD = struct.Struct("<4s4H2IH")
END_RECORD_64 = struct.Struct("<4sQ2H2I4Q")
LOCATOR_64 = struct.Struct("<4sIQI")

# What zipfile and the decompressors raise for damaged bytes.
ZIP_ERRORS = (
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
class Member:
    """One entry of the archive's directory.

    Attributes:
        index: The entry's position in the directory, from 0.
        name: The member's path, as the directory spells it; a directory's ends in `/`.
        size: Bytes, decompressed.
        compressed_size: Bytes, as stored.
        crc: CRC-32 of the decompressed bytes.
        mode: The Unix file mode; 0 if the archive was written on another system.
        info: zipfile's own entry.
    """

    index: int
    name: str
    size: int
    compressed_size: int
    crc: int
    mode: int
    info: zipfile.ZipInfo

    @property
    def is_dir(self) -> bool:
        """Whether the member is a directory."""
        return self.name.endswith("/")


class ZipReader:
    """An open zip archive. Use it in a `with` statement, or call close()."""

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
        """The members in the directory's order."""

    def __enter__(self) -> ZipReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; nothing can be read after it."""
        self._zip.close()
        self._file.close()

    def error(self, *, found: str, expected: str, fix: str, member: str = "") -> WheelError:
        """A WheelError about this file, or about one member of it."""
        where = f"{self.path.name}: {member}" if member else self.path.name
        return WheelError(where, found=found, expected=expected, fix=fix)

    def _guard(self, what: str, action: Callable[[], T], member: str = "") -> T:
        try:
            return action()
        except WheelError:
            raise
        except ZIP_ERRORS as error:
            text = str(error) or type(error).__name__
            expected = "a readable member" if member else "a wheel, which is a zip archive"
            found = f"damage ({text})" if member else f"a zip archive that does not {what} ({text})"
            raise self.error(found=found, expected=expected, fix=DOWNLOAD, member=member) from None

    def _check_directory_size(self) -> None:
        """Raises a WheelError for a directory larger than MAX_DIRECTORY, which zipfile would read into memory."""
        size = self._file.seek(0, 2)
        if size == 0:
            raise self.error(found="an empty file", expected="a wheel", fix=DOWNLOAD)
        tail_at = max(0, size - END_RECORD.size - 0xFFFF)
        self._file.seek(tail_at)
        tail = self._file.read(size - tail_at)
        at = tail.rfind(b"PK\5\6")
        if at < 0 or len(tail) - at < END_RECORD.size:
            self._file.seek(0)
            found = (
                "a zip archive without its end (a truncated download?)"
                if self._file.read(4) == b"PK\3\4"
                else "a file that is not a zip archive"
            )
            raise self.error(found=f"{found}, {size} bytes", expected="a wheel, which is a zip archive", fix=DOWNLOAD)
        directory = END_RECORD.unpack_from(tail, at)[5]
        locator_at = tail_at + at - LOCATOR_64.size
        if locator_at >= END_RECORD_64.size:
            self._file.seek(locator_at - END_RECORD_64.size)
            block = self._file.read(END_RECORD_64.size + LOCATOR_64.size)
            # zipfile takes the zip64 end record just before its locator, whatever offset the locator states.
            if block[END_RECORD_64.size :].startswith(b"PK\6\7") and block.startswith(b"PK\6\6"):
                directory = max(directory if directory != 0xFFFFFFFF else 0, END_RECORD_64.unpack_from(block)[8])
        if directory > MAX_DIRECTORY:
            raise self.error(
                found=f"an archive directory of {directory} bytes", expected=f"at most {MAX_DIRECTORY}", fix=DOWNLOAD
            )

    @cached_property
    def by_name(self) -> dict[str, Member]:
        """The members that are files, by their names. Of a duplicate name the last member, as for installers."""
        return {member.name: member for member in self.members if not member.is_dir}

    @cached_property
    def duplicate_names(self) -> list[str]:
        """The names that several members have, each once."""
        return [name for name, count in Counter(member.name for member in self.members).items() if count > 1]

    @cached_property
    def unsafe_names(self) -> list[str]:
        """Names that are absolute or leave the root, or that tools read in different ways."""
        return [
            member.name
            for member in self.members
            if not is_safe_name(member.name) or member.name != member.info.filename
        ]

    def get(self, name: str) -> Member | None:
        """The file of this name; None if there is none."""
        return self.by_name.get(name)

    def chunks(self, member: Member, size: int = CHUNK) -> Iterator[bytes]:
        """The member's bytes, decompressed, at most `size` at a time. A wrong size or CRC is a WheelError."""
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
                fix=DOWNLOAD,
                member=member.name,
            )

    def read(self, member: Member, limit: int = MAX_MEMBER) -> bytes:
        """The whole member. More bytes than `limit` are a WheelError, before they are read."""
        if member.size > limit:
            raise self.error(
                found=f"{member.size} bytes", expected=f"at most {limit}", fix=DOWNLOAD, member=member.name
            )
        return b"".join(self.chunks(member))

    def data_offset(self, member: Member) -> int:
        """Where the member's stored bytes begin. A local header that disagrees with the directory is a WheelError."""
        offset = member.info.header_offset
        self._file.seek(offset)
        header = self._file.read(LOCAL_HEADER.size)
        if len(header) != LOCAL_HEADER.size or not header.startswith(b"PK\3\4"):
            raise self.error(
                found="no local header where the archive's directory points",
                expected="one",
                fix=DOWNLOAD,
                member=member.name,
            )
        fields = LOCAL_HEADER.unpack(header)
        method, name_size, extra_size = fields[3], fields[9], fields[10]
        name = self._file.read(name_size)
        if method != member.info.compress_type or name != _stored_name(member):
            raise self.error(
                found="a local header with another name or compression method",
                expected="the same as in the archive's directory",
                fix=DOWNLOAD,
                member=member.name,
            )
        return offset + LOCAL_HEADER.size + name_size + extra_size

    def raw_chunks(self, member: Member) -> Iterator[bytes]:
        """The member's bytes as they are stored, compressed."""
        left = member.compressed_size
        offset = self.data_offset(member)
        while left:
            self._file.seek(offset)
            chunk = self._file.read(min(left, CHUNK))
            if not chunk:
                raise self.error(
                    found="the end of the file", expected=f"{left} more bytes", fix=DOWNLOAD, member=member.name
                )
            offset += len(chunk)
            left -= len(chunk)
            yield chunk


def _stored_name(member: Member) -> bytes:
    """The bytes of the member's name in the archive."""
    return member.name.encode("utf-8" if member.info.flag_bits & 0x800 else "cp437")


def is_safe_name(name: str) -> bool:
    """Whether every unzipping tool puts a member of this name at the same path below its root."""
    if not name or "\\" in name or "\0" in name or name[1:2] == ":":
        return False
    parts = name[:-1].split("/") if name.endswith("/") else name.split("/")
    return all(part not in ("", ".", "..") for part in parts)
