"""Writes a wheel whose bytes depend only on its members, and RECORD at its end.

zipfile cannot copy a member as it is stored, and to decompress and compress a 336 MB wheel takes half a minute. The
writer copies the compressed bytes and lets zipfile write the headers, from the source archive's directory: bytes that
are hidden between a local header and the directory are not copied.
"""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from wheel_tools.record import RecordEntry, entry_for, format_record
from wheel_tools.zipreader import Member, ZipReader

# The earliest time that the format can state.
EPOCH = (1980, 1, 1, 0, 0, 0)
FILE_MODE = 0o100644

_UNIX = 3
_DATA_DESCRIPTOR, _UTF8 = 0x8, 0x800
_COPIED = ("compress_type", "CRC", "compress_size", "file_size", "create_system", "create_version", "extract_version")


class WheelWriter:
    """Writes members one after the other, and remembers their lines of RECORD."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._zip = archive
        self._entries: list[RecordEntry] = []

    def add(self, name: str, data: bytes, when: tuple[int, ...] = EPOCH, mode: int = FILE_MODE) -> None:
        """Compresses bytes into a new member. Default: 1980, and a mode of 0644."""
        info = zipfile.ZipInfo(name, when)
        info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, _UNIX, mode << 16
        self._zip.writestr(info, data)
        self._entries.append(entry_for(name, data))

    def copy(self, archive: ZipReader, member: Member, name: str, entry: RecordEntry | None) -> None:
        """Copies a member as it is stored, with its time and mode.

        `entry` is its line of RECORD; None for a directory, which has none.
        """
        info = zipfile.ZipInfo(name, member.info.date_time)
        for attribute in (*_COPIED, "internal_attr", "external_attr"):
            setattr(info, attribute, getattr(member.info, attribute))
        # The header states the sizes, so that none follows the data.
        info.flag_bits = member.info.flag_bits & ~_DATA_DESCRIPTOR & ~_UTF8
        file = self._zip.fp
        info.header_offset = file.tell()
        file.write(info.FileHeader())
        for chunk in archive.raw_chunks(member):
            file.write(chunk)
        # What writestr does after it has written a member.
        self._zip.filelist.append(info)
        self._zip.start_dir = file.tell()
        if entry:
            self._entries.append(entry)

    def add_record(self, dist_info: str, when: tuple[int, ...] = EPOCH) -> None:
        """Writes RECORD, the last member."""
        name = f"{dist_info}/RECORD"
        self.add(name, format_record([*self._entries, RecordEntry(name, None, None)]), when)


@contextlib.contextmanager
def new_wheel(target: Path) -> Iterator[WheelWriter]:
    """Opens a wheel to write. It gets its name when it is complete, so that a failure leaves nothing behind."""
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(aside, "x") as archive:
            yield WheelWriter(archive)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
