"""RECORD: the list of a wheel's files with their hashes and sizes."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wheel_tools.errors import WheelError

# RECORD and its signatures cannot hold their own hash.
UNHASHED_NAMES = ("RECORD", "RECORD.jws", "RECORD.p7s")

# What the specification of wheels allows: sha256 or better.
STRONG_HASHES = ("sha256", "sha384", "sha512")

_FIX = "build the wheel anew, or repack it with a tool that writes RECORD"


@dataclass(frozen=True)
class RecordEntry:
    """One line of RECORD. `digest` is "sha256=…" (URL-safe base64, no padding), or ""."""

    path: str
    digest: str
    size: int | None

    @property
    def algorithm(self) -> str:
        return self.digest.partition("=")[0]


def parse_record(data: bytes, where: str = "RECORD") -> list[RecordEntry]:
    """All lines of a RECORD, in their order; duplicates are kept for the caller to judge."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WheelError(
            where,
            found=f"bytes that are not UTF-8 ({error.reason} at byte {error.start})",
            expected="a UTF-8 CSV file",
            fix=_FIX,
        ) from None
    entries = []
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return entries
        except csv.Error as error:
            raise WheelError(
                f"{where}, line {rows.line_num}",
                found=f"a line that is not CSV ({error})",
                expected="path,hash,size",
                fix=_FIX,
            ) from None
        if row:
            entries.append(_entry(row, f"{where}, line {rows.line_num}"))


def _entry(row: list[str], where: str) -> RecordEntry:
    if len(row) != 3 or not row[0]:
        raise WheelError(
            where, found=f"{len(row)} fields ({','.join(row)})", expected="three: path,hash,size", fix=_FIX
        )
    path, digest, size = row
    if digest and not all(digest.partition("=")):
        raise WheelError(where, found=f"the hash {digest!r}", expected="one like sha256=47DEQpj8HBSa…", fix=_FIX)
    # isdecimal alone admits other scripts' digits, and int() refuses very long numbers.
    if size and not (size.isascii() and size.isdecimal() and len(size) < 20):
        raise WheelError(where, found=f"the size {size!r}", expected="a number of bytes", fix=_FIX)
    return RecordEntry(path, digest, int(size) if size else None)


def format_record(entries: Iterable[RecordEntry]) -> bytes:
    """The bytes of a RECORD with these lines, in this order."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    for entry in entries:
        writer.writerow([entry.path, entry.digest, "" if entry.size is None else entry.size])
    return out.getvalue().encode("utf-8")


def digests(chunks: Iterable[bytes], algorithms: Iterable[str]) -> tuple[dict[str, str], int]:
    """The digests, as RECORD writes them, by the algorithm, and the number of the bytes given."""
    states, size = {name: hashlib.new(name) for name in algorithms}, 0
    for chunk in chunks:
        for state in states.values():
            state.update(chunk)
        size += len(chunk)
    return {name: f"{name}={_base64(state.digest())}" for name, state in states.items()}, size


def sha256(chunks: Iterable[bytes]) -> tuple[str, int]:
    """The digest, as RECORD writes it, and the number of the bytes given."""
    found, size = digests(chunks, ["sha256"])
    return found["sha256"], size


def _base64(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def entry_for(path: str, data: bytes) -> RecordEntry:
    digest, size = sha256([data])
    return RecordEntry(path, digest, size)


def duplicates(paths: Iterable[str]) -> Iterator[str]:
    """Each path that occurs more than once, once, in order of its second occurrence."""
    seen: set[str] = set()
    told: set[str] = set()
    for path in paths:
        if path in seen and path not in told:
            told.add(path)
            yield path
        seen.add(path)
