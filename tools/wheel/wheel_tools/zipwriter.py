"""Writes zip archives whose bytes depend only on the members that are written.

zipfile cannot copy a member as it is stored, and to decompress and compress a 336 MB wheel takes half a minute. This
writer copies the compressed bytes. It writes each header from the source archive's directory, so that it does not copy
bytes that are hidden between a local header and the directory.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from wheel_tools.zipreader import END_RECORD, END_RECORD_64, LOCAL_HEADER, LOCATOR_64, Member, ZipReader

_DIRECTORY_ENTRY = struct.Struct("<4s6H3I5H2I")

_MAX_32 = 0xFFFFFFFF
_MAX_16 = 0xFFFF
_DEFLATED = 8
_UTF8 = 0x800
_DATA_DESCRIPTOR = 0x8
_UNIX = 3
# The versions of the format that know compression, and sizes beyond 32 bits.
_VERSION, _VERSION_64 = 20, 45
# The extra field with sizes and offsets beyond 32 bits.
_EXTRA_64 = 1

# The earliest time that the format can state, 1980-01-01 00:00, as MS-DOS encodes it: (date, time).
EPOCH = ((1 << 5) | 1, 0)
FILE_MODE = 0o100644


def dos_time(date_time: tuple[int, int, int, int, int, int]) -> tuple[int, int]:
    """A zipfile.ZipInfo's date_time as MS-DOS encodes it: (date, time)."""
    year, month, day, hour, minute, second = date_time
    return (year - 1980) << 9 | month << 5 | day, hour << 11 | minute << 5 | second // 2


@dataclass(frozen=True)
class _Entry:
    """What a member's local header and its entry in the directory state."""

    name: bytes
    flags: int
    method: int
    dos_time: tuple[int, int]
    crc: int
    compressed_size: int
    size: int
    create_version: int
    extract_version: int
    internal_attributes: int
    external_attributes: int
    offset: int

    @property
    def _large(self) -> bool:
        return self.size >= _MAX_32 or self.compressed_size >= _MAX_32

    def _common(self, extra: bytes) -> tuple[int, ...]:
        """The fields that both headers have, from the needed version to the length of the extra field."""
        return (
            max(self.extract_version, _VERSION_64 if extra else 0),
            self.flags | (0 if self.name.isascii() else _UTF8),
            self.method,
            self.dos_time[1],
            self.dos_time[0],
            self.crc,
            _MAX_32 if self._large else self.compressed_size,
            _MAX_32 if self._large else self.size,
            len(self.name),
            len(extra),
        )

    def local_header(self) -> bytes:
        extra = _extra([self.size, self.compressed_size] if self._large else [])
        return LOCAL_HEADER.pack(b"PK\3\4", *self._common(extra)) + self.name + extra

    def directory_entry(self) -> bytes:
        far = self.offset >= _MAX_32
        extra = _extra(([self.size, self.compressed_size] if self._large else []) + ([self.offset] if far else []))
        fields = _DIRECTORY_ENTRY.pack(
            b"PK\1\2",
            self.create_version,
            *self._common(extra),
            0,
            0,
            self.internal_attributes,
            self.external_attributes,
            _MAX_32 if far else self.offset,
        )
        return fields + self.name + extra


def _extra(values: list[int]) -> bytes:
    return struct.pack(f"<2H{len(values)}Q", _EXTRA_64, 8 * len(values), *values) if values else b""


class ZipWriter:
    """Writes members one after the other to an open, empty file. finish() writes the directory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._offset = 0
        self._entries: list[_Entry] = []

    def copy(self, archive: ZipReader, member: Member, name: str) -> None:
        """Copies a member under a name. Its compressed bytes, time and mode stay as they are."""
        info = member.info
        entry = _Entry(
            name=name.encode("utf-8"),
            # The header states the sizes, so that none follows the data.
            flags=info.flag_bits & ~_DATA_DESCRIPTOR & ~_UTF8,
            method=info.compress_type,
            dos_time=dos_time(info.date_time),
            crc=member.crc,
            compressed_size=member.compressed_size,
            size=member.size,
            create_version=info.create_system << 8 | info.create_version,
            extract_version=info.extract_version,
            internal_attributes=info.internal_attr,
            external_attributes=info.external_attr,
            offset=self._offset,
        )
        self._add(entry, archive.raw_chunks(member))

    def add(self, name: str, data: bytes, when: tuple[int, int] = EPOCH, mode: int = FILE_MODE) -> None:
        """Compresses bytes into a new member. Default: 1980, and a mode of 0644."""
        deflate = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)
        compressed = deflate.compress(data) + deflate.flush()
        entry = _Entry(
            name=name.encode("utf-8"),
            flags=0,
            method=_DEFLATED,
            dos_time=when,
            crc=zlib.crc32(data),
            compressed_size=len(compressed),
            size=len(data),
            create_version=_UNIX << 8 | _VERSION,
            extract_version=_VERSION,
            internal_attributes=0,
            external_attributes=mode << 16,
            offset=self._offset,
        )
        self._add(entry, [compressed])

    def finish(self) -> None:
        """Writes the directory; nothing can be added after it."""
        start = self._offset
        self._write(entry.directory_entry() for entry in self._entries)
        end, count = self._offset, len(self._entries)
        size = end - start
        if count >= _MAX_16 or start >= _MAX_32 or size >= _MAX_32:
            version, length = _UNIX << 8 | _VERSION_64, END_RECORD_64.size - 12
            fields = (b"PK\6\6", length, version, _VERSION_64, 0, 0, count, count, size, start)
            self._write([END_RECORD_64.pack(*fields), LOCATOR_64.pack(b"PK\6\7", 0, end, 1)])
        count = min(count, _MAX_16)
        self._write([END_RECORD.pack(b"PK\5\6", 0, 0, count, count, min(size, _MAX_32), min(start, _MAX_32), 0)])

    def _add(self, entry: _Entry, chunks: Iterable[bytes]) -> None:
        self._entries.append(entry)
        self._write([entry.local_header()])
        self._write(chunks)

    def _write(self, chunks: Iterable[bytes]) -> None:
        for chunk in chunks:
            self._file.write(chunk)
            self._offset += len(chunk)
