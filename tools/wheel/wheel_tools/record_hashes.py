"""Hashes members of wheels and compares them with RECORD, on several processors."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from wheel_tools.archive import Member, WheelArchive
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
    entries: dict[str, RecordEntry] = {}
    for archive in dict.fromkeys(copy.archive for copy in copies):
        recorded: dict[str, RecordEntry] = {}
        for entry in archive.record:
            if recorded.setdefault(entry.path, entry).to_row() != entry.to_row():
                raise archive.error(
                    found=f"two different lines for {entry.path} in RECORD", expected="one", fix=_REBUILD
                )
        jobs = [(copy.member, copy.name) for copy in copies if copy.archive is archive and not copy.member.is_dir]
        with ThreadPoolExecutor(_THREADS) as pool:
            for part in pool.map(partial(_verify, archive.path, recorded), _shares(jobs)):
                entries.update(part)
    return entries


def _shares(jobs: list[tuple[Member, str]]) -> list[list[tuple[Member, str]]]:
    """The jobs in as many shares as there are threads, of about the same number of bytes."""
    shares: list[list[tuple[Member, str]]] = [[] for _ in range(min(_THREADS, os.cpu_count() or 1))]
    loads = [0] * len(shares)
    for job in sorted(jobs, key=lambda job: -job[0].size):
        lightest = loads.index(min(loads))
        shares[lightest].append(job)
        loads[lightest] += job[0].size
    return shares


def _verify(
    path: Path, recorded: dict[str, RecordEntry], share: Iterable[tuple[Member, str]]
) -> dict[str, RecordEntry]:
    entries = {}
    # Each thread has its own file position.
    with WheelArchive(path) as archive:
        for member, name in share:
            known = recorded.get(member.name)
            if known is None:
                raise archive.error(
                    found="no line in RECORD", expected="one for every file", fix=_REBUILD, member=member.name
                )
            if known.algorithm not in STRONG_HASHES:
                raise archive.error(
                    found=f"the hash {known.digest or '(none)'} in RECORD",
                    expected="sha256 or stronger",
                    fix=_REBUILD,
                    member=member.name,
                )
            hashes, size = digests(archive.chunks(member), {"sha256", known.algorithm})
            if known.digest != hashes[known.algorithm] or known.size not in (size, None):
                raise archive.error(
                    found=f"{size} bytes with {hashes[known.algorithm]}",
                    expected=f"{known.size} with {known.digest}, as RECORD says",
                    fix="download the wheel again",
                    member=member.name,
                )
            entries[name] = RecordEntry.from_elements(name, hashes["sha256"], str(size))
    return entries
