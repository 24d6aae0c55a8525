"""RECORD: the list of a wheel's files with their hashes and sizes (the binary distribution format).

The entries are those of `installer`. This module adds the number of a wrong line, and refuses values that `installer`
reads leniently, such as a size in the digits of another script.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Iterable

from installer import records

from wheel_tools.errors import WheelError

# RECORD and its signatures cannot contain their own hash.
UNHASHED_NAMES = ("RECORD", "RECORD.jws", "RECORD.p7s")

# What the specification of wheels allows: sha256 or better.
STRONG_HASHES = ("sha256", "sha384", "sha512")

_FIX = "build the wheel again, or repack it with a tool that writes RECORD"


class RecordEntry(records.RecordEntry):
    """One line of RECORD: `path`, `hash_` (None if the line has no hash) and `size` in bytes (None likewise)."""

    @property
    def digest(self) -> str:
        """The hash as RECORD spells it: `sha256=` and URL-safe base64 without padding; "" if there is none."""
        return str(self.hash_ or "")

    @property
    def algorithm(self) -> str:
        """The name of the hash algorithm; "" if there is no hash."""
        return self.hash_.name if self.hash_ else ""


def parse_record(data: bytes, where: str = "RECORD") -> list[RecordEntry]:
    """The lines of a RECORD in their order, duplicates included. A wrong line is a WheelError about `where`."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"bytes that are not UTF-8 ({error.reason} at byte {error.start})"
        raise WheelError(where, found=found, expected="a UTF-8 CSV file", fix=_FIX) from None
    # installer's own parse_record_file turns backslashes into slashes, and hides a member that tools disagree about.
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return [_entry(row) for row in rows if row]
    except records.InvalidRecordEntry as error:
        found = f"the line {','.join(error.elements)!r}"
    except csv.Error as error:
        found = f"a line that is not CSV ({error})"
    raise WheelError(
        f"{where}, line {rows.line_num}",
        found=found,
        expected="path,hash,size, such as a.py,sha256=47DEQp…,0",
        fix=_FIX,
    )


def _entry(row: list[str]) -> RecordEntry:
    if len(row) != 3:
        raise records.InvalidRecordEntry(row, ["not three elements"])
    _, digest, size = row
    # int() also reads signs, spaces, underscores and other scripts' digits, and takes long for very long numbers.
    good_size = not size or (size.isascii() and size.isdecimal() and len(size) < 20)
    if not good_size or (digest and not all(digest.partition("="))):
        raise records.InvalidRecordEntry(row, ["a wrong hash or size"])
    return RecordEntry.from_elements(*row)


def format_record(entries: Iterable[RecordEntry]) -> bytes:
    """The bytes of a RECORD with these lines, in this order."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(entry.to_row() for entry in entries)
    return text.getvalue().encode("utf-8")


def digests(chunks: Iterable[bytes], algorithms: Iterable[str]) -> tuple[dict[str, str], int]:
    """The digests of the concatenated chunks, by algorithm and as RECORD spells them, and their size in bytes."""
    states, size = {name: hashlib.new(name) for name in algorithms}, 0
    for chunk in chunks:
        for state in states.values():
            state.update(chunk)
        size += len(chunk)
    return {name: f"{name}={_base64(state.digest())}" for name, state in states.items()}, size


def sha256(chunks: Iterable[bytes]) -> tuple[str, int]:
    """The SHA-256 of the concatenated chunks as RECORD spells it, and their size in bytes."""
    found, size = digests(chunks, ["sha256"])
    return found["sha256"], size


def _base64(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def entry_for(path: str, data: bytes) -> RecordEntry:
    """The line of RECORD for a file with this content."""
    digest, size = sha256([data])
    return RecordEntry.from_elements(path, digest, str(size))
