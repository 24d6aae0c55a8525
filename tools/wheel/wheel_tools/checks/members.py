"""The archive: member names, and RECORD."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Iterator

from wheel_tools.archive import is_safe_name
from wheel_tools.errors import WheelError
from wheel_tools.examine import Wheel
from wheel_tools.findings import Finding
from wheel_tools.options import Options
from wheel_tools.record import STRONG_HASHES, UNHASHED_NAMES, RecordEntry

_MAX_PTH = 1 << 16


def check_members(wheel: Wheel, options: Options) -> Iterator[Finding]:
    archive = wheel.archive
    for name in archive.duplicate_names:
        yield Finding("member-duplicate", name, "two members of one name", "one: tools disagree on which is installed")
    for name in archive.unsafe_names:
        found = "a member that is absolute, climbs out of the wheel or is spelt so that tools disagree"
        yield Finding("member-name", name, found, "a relative path below the wheel's root")
    for member in archive.members:
        if member.mode and stat.S_IFMT(member.mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            yield Finding("member-type", member.name, "a link or a device", "files and directories only")
    yield from _editable(wheel)
    entries = wheel.ask("record-unreadable", "record", None)
    dist_info = wheel.ask("dist-info", "dist_info", None)
    if entries is not None and dist_info is not None:
        yield from _record(wheel, entries, dist_info)


def _editable(wheel: Wheel) -> Iterator[Finding]:
    """`pip install -e` makes wheels whose .pth file names the source tree (PEP 660)."""
    for name, member in wheel.archive.by_name.items():
        if "/" in name or not name.endswith(".pth"):
            continue
        try:
            lines = wheel.archive.read(member, _MAX_PTH).decode("utf-8", "replace").splitlines()
        except WheelError:
            continue
        for line in lines:
            if line.startswith(("/", "import __editable__")):
                required = "only files of the wheel: that path exists only where it was built"
                yield Finding("member-editable", name, f"the line {line!r}", required)


def _record(wheel: Wheel, entries: list[RecordEntry], dist_info: str) -> Iterator[Finding]:
    unhashed = {f"{dist_info}/{name}" for name in UNHASHED_NAMES}
    record = f"{dist_info}/RECORD"
    for path, count in Counter(entry.path for entry in entries).items():
        if count > 1:
            yield Finding("record-duplicate", path, "two lines of RECORD", "one")
    listed = {entry.path: entry for entry in entries}
    members = wheel.archive.by_name
    for path in listed:
        if path not in members and not path.endswith("/"):
            outside = "" if is_safe_name(path) else ", outside the wheel"
            found = f"a line of RECORD without a member{outside}"
            yield Finding("record-extra", path, found, "lines for the wheel's members")
    for path, member in members.items():
        entry = listed.get(path)
        if entry is None:
            # A signature of RECORD may be unlisted; RECORD itself lists itself.
            if path not in unhashed - {record}:
                yield Finding("record-missing", path, "a member that RECORD does not list", "a line for every member")
        elif path not in unhashed:
            if problem := _hash_problem(entry, wheel.digests.get(member.index)):
                yield Finding("record-hash", path, *problem)
            if entry.size is not None and entry.size != member.size:
                yield Finding("record-size", path, f"{member.size} bytes", f"{entry.size}, as RECORD says")


def _hash_problem(entry: RecordEntry, digests: dict[str, str] | None) -> tuple[str, str] | None:
    """What was found and what was required; None for a right hash, or a member that could not be read."""
    if not entry.digest:
        return "no hash in RECORD", "sha256=…"
    if entry.algorithm not in STRONG_HASHES:
        return f"a hash by {entry.algorithm} in RECORD", f"sha256 or better: {', '.join(STRONG_HASHES)}"
    digest = digests[entry.algorithm] if digests else entry.digest
    if entry.digest == digest:
        return None
    if entry.digest.rstrip("=") == digest:
        return f"padded base64 in RECORD: {entry.digest}", f"no padding: {digest}"
    return digest, f"{entry.digest}, as RECORD says"
