"""Writes a wheel: its members, and RECORD at the end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from wheel_tools.record import RecordEntry, entry_for, format_record
from wheel_tools.zipreader import Member, ZipReader
from wheel_tools.zipwriter import EPOCH, FILE_MODE, ZipWriter


class WheelWriter:
    """Writes members one after the other, and remembers their lines of RECORD."""

    def __init__(self, writer: ZipWriter) -> None:
        self._writer = writer
        self._entries: list[RecordEntry] = []

    def add(self, name: str, data: bytes, when: tuple[int, int] = EPOCH, mode: int = FILE_MODE) -> None:
        """Compresses bytes into a new member; time and mode as in ZipWriter.add."""
        self._writer.add(name, data, when, mode)
        self._entries.append(entry_for(name, data))

    def copy(self, archive: ZipReader, member: Member, name: str, entry: RecordEntry | None) -> None:
        """Copies a member as it is stored. `entry` is its line of RECORD; None for a directory, which has none."""
        self._writer.copy(archive, member, name)
        if entry:
            self._entries.append(entry)

    def add_record(self, dist_info: str, when: tuple[int, int] = EPOCH) -> None:
        """Writes RECORD, the last member."""
        name = f"{dist_info}/RECORD"
        self._writer.add(name, format_record([*self._entries, RecordEntry(name, None, None)]), when)


@contextlib.contextmanager
def new_wheel(target: Path) -> Iterator[WheelWriter]:
    """Opens a wheel to write. It gets its name when it is complete, so that a failure leaves nothing behind."""
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with aside.open("xb") as file:
            writer = ZipWriter(file)
            yield WheelWriter(writer)
            writer.finish()
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
