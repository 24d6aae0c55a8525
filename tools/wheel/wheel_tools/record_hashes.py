"""Hashes members of wheels and compares them with RECORD, on several processors."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from wheel_tools.overlay_plan import Copy
from wheel_tools.record import STRONG_HASHES, RecordEntry, digests

# Decompressing and hashing release the interpreter lock. More threads than this wait for the disk.
_THREADS = 4

_REBUILD = "build the wheel again"


def verified_entries(copies: Sequence[Copy]) -> dict[str, RecordEntry]:
    """Hashes the members that are files, and compares each with the RECORD of its wheel.

    Returns:
        The lines of the new RECORD, by the members' new names.

    Raises:
        WheelError: a member without a line in RECORD, without a strong hash, or with another hash or size.
    """
    recorded: dict[tuple[object, str], RecordEntry] = {}
    for archive in {copy.archive for copy in copies}:
        for entry in archive.record:
            if recorded.setdefault((archive, entry.path), entry).to_row() != entry.to_row():
                raise archive.error(
                    found=f"two different lines for {entry.path} in RECORD", expected="one", fix=_REBUILD
                )

    def verify(copy: Copy) -> RecordEntry:
        archive, name = copy.archive, copy.member.name
        known = recorded.get((archive, name))
        if known is None:
            raise archive.error(found="no line in RECORD", expected="one for every file", fix=_REBUILD, member=name)
        if known.algorithm not in STRONG_HASHES:
            found = f"the hash {known.digest or '(none)'} in RECORD"
            raise archive.error(found=found, expected="sha256 or stronger", fix=_REBUILD, member=name)
        hashes, size = digests(archive.chunks(copy.member), {"sha256", known.algorithm})
        if known.digest != hashes[known.algorithm] or known.size not in (size, None):
            raise archive.error(
                found=f"{size} bytes with {hashes[known.algorithm]}",
                expected=f"{known.size} with {known.digest}, as RECORD says",
                fix="download the wheel again",
                member=name,
            )
        return RecordEntry.from_elements(copy.name, hashes["sha256"], str(size))

    # The large files first, so that the threads end at about the same time.
    files = sorted((copy for copy in copies if not copy.member.is_dir), key=lambda copy: -copy.member.size)
    with ThreadPoolExecutor(_THREADS) as pool:
        return {entry.path: entry for entry in pool.map(verify, files)}
