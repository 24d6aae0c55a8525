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

from wheel_tools.zipreader import Member, ZipReader

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR_64 = struct.Struct("<4sIQI")

_MAX_32 = 0xFFFFFFFF
_MAX_16 = 0xFFFF
_DEFLATED = 8
_UTF8 = 0x800
_DATA_DESCRIPTOR = 0x8
_UNIX = 3

# The earliest time that the format can state, 1980-01-01 00:00, as MS-DOS encodes it: (date, time).
EPOCH = ((1 << 5) | 1, 0)
FILE_MODE = 0o100644


@dataclass(frozen=True)
class _Entry:
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


def dos_time(date_time: tuple[int, int, int, int, int, int]) -> tuple[int, int]:
    """A zipfile.ZipInfo's date_time as MS-DOS encodes it: (date, time)."""
    year, month, day, hour, minute, second = date_time
    return (year - 1980) << 9 | month << 5 | day, hour << 11 | minute << 5 | second // 2


class ZipWriter:
    """Writes members one after the other to an open, empty file. finish() writes the directory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._offset = 0
        self._entries: list[_Entry] = []

    def copy(self, archive: ZipReader, member: Member, name: str) -> None:
        """Copies a member under a name. Its compressed bytes, time and mode stay as they are."""
        info = member.info
        self._start(
            name,
            flags=info.flag_bits & ~_DATA_DESCRIPTOR & ~_UTF8,
            method=info.compress_type,
            when=dos_time(info.date_time),
            crc=member.crc,
            compressed_size=member.compressed_size,
            size=member.size,
            create_version=info.create_system << 8 | info.create_version,
            extract_version=info.extract_version,
            internal_attributes=info.internal_attr,
            external_attributes=info.external_attr,
        )
        self._write(archive.raw_chunks(member))

    def add(self, name: str, data: bytes, when: tuple[int, int] = EPOCH, mode: int = FILE_MODE) -> None:
        """Compresses bytes into a new member. Default: 1980, and a mode of 0644."""
        deflate = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)
        compressed = deflate.compress(data) + deflate.flush()
        self._start(
            name,
            flags=0,
            method=_DEFLATED,
            when=when,
            crc=zlib.crc32(data),
            compressed_size=len(compressed),
            size=len(data),
            create_version=_UNIX << 8 | 20,
            extract_version=20,
            internal_attributes=0,
            external_attributes=mode << 16,
        )
        self._write([compressed])

    def finish(self) -> None:
        """Writes the directory; nothing can be added after it."""
        start = self._offset
        self._write(_central(entry) for entry in self._entries)
        size, count = self._offset - start, len(self._entries)
        if count >= _MAX_16 or start >= _MAX_32 or size >= _MAX_32:
            end_at = self._offset
            self._write(
                [
                    _END_64.pack(b"PK\6\6", _END_64.size - 12, _UNIX << 8 | 45, 45, 0, 0, count, count, size, start),
                    _LOCATOR_64.pack(b"PK\6\7", 0, end_at, 1),
                ]
            )
        count = min(count, _MAX_16)
        self._write([_END.pack(b"PK\5\6", 0, 0, count, count, min(size, _MAX_32), min(start, _MAX_32), 0)])

    def _write(self, chunks: Iterable[bytes]) -> None:
        for chunk in chunks:
            self._file.write(chunk)
            self._offset += len(chunk)

    def _start(
        self,
        name: str,
        *,
        flags: int,
        method: int,
        when: tuple[int, int],
        crc: int,
        compressed_size: int,
        size: int,
        create_version: int,
        extract_version: int,
        internal_attributes: int,
        external_attributes: int,
    ) -> None:
        encoded = name.encode("utf-8")
        large = size >= _MAX_32 or compressed_size >= _MAX_32
        entry = _Entry(
            encoded,
            flags | (0 if encoded.isascii() else _UTF8),
            method,
            when,
            crc,
            compressed_size,
            size,
            create_version,
            max(extract_version, 45 if large else 0),
            internal_attributes,
            external_attributes,
            self._offset,
        )
        self._entries.append(entry)
        extra = struct.pack("<2H2Q", 1, 16, size, compressed_size) if large else b""
        self._write(
            [
                _LOCAL.pack(
                    b"PK\3\4",
                    entry.extract_version,
                    entry.flags,
                    method,
                    when[1],
                    when[0],
                    crc,
                    _MAX_32 if large else compressed_size,
                    _MAX_32 if large else size,
                    len(encoded),
                    len(extra),
                ),
                encoded,
                extra,
            ]
        )


def _central(entry: _Entry) -> bytes:
    large = entry.size >= _MAX_32 or entry.compressed_size >= _MAX_32
    far = entry.offset >= _MAX_32
    values = ([entry.size, entry.compressed_size] if large else []) + ([entry.offset] if far else [])
    extra = struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values) if values else b""
    return (
        _CENTRAL.pack(
            b"PK\1\2",
            entry.create_version,
            max(entry.extract_version, 45 if values else 0),
            entry.flags,
            entry.method,
            entry.dos_time[1],
            entry.dos_time[0],
            entry.crc,
            _MAX_32 if large else entry.compressed_size,
            _MAX_32 if large else entry.size,
            len(entry.name),
            len(extra),
            0,
            0,
            entry.internal_attributes,
            entry.external_attributes,
            _MAX_32 if far else entry.offset,
        )
        + entry.name
        + extra
    )
