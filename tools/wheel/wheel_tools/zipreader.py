"""Reads a zip archive in place: nothing is unpacked, members are streamed.

Every failure that the bytes of the file can cause is a WheelError.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from wheel_tools.errors import WheelError

T = TypeVar("T")

CHUNK = 1 << 20

# Limits on what is held in memory at once, in bytes. Real wheels stay far below: the directory of vLLM's wheel is
# 0.7 MB for 5,800 members, its RECORD 0.7 MB, its METADATA 12 kB.
MAX_DIRECTORY = 8 << 20
MAX_MEMBER = 16 << 20

DOWNLOAD = "download the wheel again, or build it again"

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


# The lengths of the name and of the extra field, the last fields of a local header (APPNOTE.TXT, section 4.3.7).
_LENGTHS, _LENGTHS_AT = struct.Struct("<2H"), 26


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


class _File(io.BufferedReader):
    """A file for zipfile. Reading an archive directory larger than MAX_DIRECTORY is a WheelError."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))

    def read(self, size: int = -1) -> bytes:
        if size > MAX_DIRECTORY:
            found = f"an archive directory of {size} bytes"
            raise WheelError(Path(self.name).name, found=found, expected=f"at most {MAX_DIRECTORY}", fix=DOWNLOAD)
        return super().read(size)


class ZipReader:
    """An open zip archive. Use it in a `with` statement, or call close()."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._file = _File(self.path)
        except OSError as error:
            raise WheelError(
                str(path),
                found=f"a file that cannot be read ({error.strerror})",
                expected="a wheel",
                fix="check the path",
            ) from None
        try:
            self._zip = self._open()
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

    def _open(self) -> zipfile.ZipFile:
        if zipfile.is_zipfile(self._file):
            return self._guard("open", lambda: zipfile.ZipFile(self._file))
        size, _ = self._file.seek(0, 2), self._file.seek(0)
        found = "a file that is not a zip archive" if size else "an empty file"
        if self._file.read(4) == b"PK\3\4":
            found = "a zip archive without its end (a truncated download?)"
        raise self.error(found=f"{found}, {size} bytes", expected="a wheel, which is a zip archive", fix=DOWNLOAD)

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

    def raw_chunks(self, member: Member) -> Iterator[bytes]:
        """The member's bytes as they are stored, compressed. chunks() checks that they are those of the member."""
        left, offset = member.compressed_size, member.info.header_offset
        self._file.seek(offset + _LENGTHS_AT)
        lengths = self._file.read(_LENGTHS.size)
        offset += _LENGTHS_AT + _LENGTHS.size + sum(self._guard("read", lambda: _LENGTHS.unpack(lengths), member.name))
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


def is_safe_name(name: str) -> bool:
    """Whether every unzipping tool puts a member of this name at the same path below its root."""
    if not name or "\\" in name or "\0" in name or name[1:2] == ":":
        return False
    parts = name[:-1].split("/") if name.endswith("/") else name.split("/")
    return all(part not in ("", ".", "..") for part in parts)
