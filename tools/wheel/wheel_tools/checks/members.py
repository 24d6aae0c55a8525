"""The archive: member names, and RECORD."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from wheel_tools.archive import is_safe_name
from wheel_tools.examine import Wheel
from wheel_tools.findings import Finding
from wheel_tools.options import Options
from wheel_tools.record import UNHASHED_NAMES, RecordEntry, duplicates

_REPACK = "build the wheel anew, or repack it"
_WEAK = ("md5", "sha1")


def check_members(wheel: Wheel, options: Options) -> Iterator[Finding]:
    archive = wheel.archive
    for name in archive.duplicate_names:
        yield Finding(
            "member-duplicate",
            name,
            "two members of one name",
            "one: which of them is installed depends on the tool",
            _REPACK,
        )
    for name in archive.unsafe_names:
        yield Finding(
            "member-name",
            name,
            "a member that is absolute, climbs out of the wheel or is spelt so that tools disagree",
            "a relative path below the wheel's root",
            "do not install it; " + _REPACK,
        )
    for member in archive.members:
        if member.mode and stat.S_IFMT(member.mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            yield Finding("member-type", member.name, "a link or a device", "files and directories only", _REPACK)
    entries = wheel.ask("record-unreadable", "record", None)
    dist_info = wheel.ask("dist-info", "dist_info", None)
    if entries is not None and dist_info is not None:
        yield from _record(wheel, entries, dist_info)


def _record(wheel: Wheel, entries: list[RecordEntry], dist_info: str) -> Iterator[Finding]:
    unhashed = {f"{dist_info}/{name}" for name in UNHASHED_NAMES}
    record = f"{dist_info}/RECORD"
    for path in duplicates(entry.path for entry in entries):
        yield Finding("record-duplicate", path, "two lines of RECORD", "one", _REPACK)
    listed = {entry.path: entry for entry in entries}
    members = wheel.archive.by_name
    for path in listed:
        if path not in members and not path.endswith("/"):
            safe = "" if is_safe_name(path) else ", outside the wheel"
            yield Finding(
                "record-extra",
                path,
                f"a line of RECORD without a member{safe}",
                "lines for what the wheel holds",
                _REPACK,
            )
    for path, member in members.items():
        entry = listed.get(path)
        if entry is None:
            # A signature of RECORD may be unlisted; RECORD itself lists itself.
            if path not in unhashed - {record}:
                yield Finding(
                    "record-missing", path, "a member that RECORD does not list", "a line for every member", _REPACK
                )
            continue
        if path in unhashed:
            continue
        if not entry.digest:
            yield Finding("record-hash", path, "no hash in RECORD", "sha256=…", _REPACK)
        elif entry.algorithm in _WEAK:
            yield Finding("record-hash", path, f"a hash by {entry.algorithm} in RECORD", "sha256 or stronger", _REPACK)
        elif entry.algorithm != "sha256":
            yield Finding(
                "record-hash",
                path,
                f"a hash by {entry.algorithm} in RECORD",
                "sha256, which is what is checked",
                _REPACK,
            )
        elif (digest := wheel.digests.get(member.index)) and digest != entry.digest:
            yield Finding("record-hash", path, digest, f"{entry.digest}, as RECORD says", _REPACK)
        if entry.size is not None and entry.size != member.size:
            yield Finding("record-size", path, f"{member.size} bytes", f"{entry.size}, as RECORD says", _REPACK)
