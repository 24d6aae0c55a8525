"""No bytes make wheel-check crash, hang or fill the memory."""

from __future__ import annotations

import io
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_wheel import DIST_INFO, SmallWheel, module, path_of
from wheel_tools.check import check_wheel
from wheel_tools.elf import ElfError, ElfReader
from wheel_tools.evidence import Scanner, compiled_for
from wheel_tools.options import Options

# A time limit for each example: one that takes longer hangs.
SETTINGS = settings(
    deadline=5000,
    max_examples=150,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
NAME = "tiny-1.0-cp311.cp312.cp313.cp314-cp311.cp312.cp313.cp314-manylinux_2_28_x86_64.whl"

WHEEL = SmallWheel.of_real_modules()
WHEEL.files = {path: data for path, data in WHEEL.files.items() if not path.endswith(".so") or path == path_of("3.11")}
MODULE = module("plain", "3.12")


def check(data: bytes):
    """Checks these bytes; a report with a verdict is all that may come of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, NAME)
        path.write_bytes(data)
        report = check_wheel(path, Options(matrix="<3.15,>=3.11", torch="2.14.0", strict=True))
    assert report.verdict in ("clean", "findings", "unreadable")
    assert (report.verdict == "clean") == (not report.findings)
    # The last line of defence is for what nobody has thought of; what comes here was.
    assert not any("bytes that cannot be read" in finding.found for finding in report.findings), report
    return report


def whole() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return WHEEL.write(Path(folder)).read_bytes()


WHOLE = whole()

edits = st.lists(st.tuples(st.integers(0, 1 << 30), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6)


def edited(data: bytes, changes: list[tuple[int, bytes]], head: int = 0) -> bytes:
    """The bytes with some overwritten; with `head`, only among the first or last so many."""
    result = bytearray(data)
    for place, new in changes:
        at = place % (2 * head or len(data))
        if head and at >= head:
            at = len(data) - 2 * head + at
        result[at : at + len(new)] = new
    return bytes(result[: len(data)])


@SETTINGS
@given(st.binary(max_size=400))
def test_any_bytes(data):
    assert check(data).verdict == "unreadable"


@SETTINGS
@given(edits)
def test_zip_structures(changes):
    """The directory and the end record lie in the last kilobytes."""
    check(edited(WHOLE, changes, head=1500))


@SETTINGS
@given(edits)
def test_anywhere(changes):
    check(edited(WHOLE, changes))


@SETTINGS
@given(st.integers(0, len(WHOLE)))
def test_cut_off(size):
    check(WHOLE[:size])


def with_member(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(WHOLE)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            new.writestr(info.filename, data if info.filename == name else old.read(info))
    return out.getvalue()


TEXT = st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda s: s.encode("utf-8", "replace")))


@SETTINGS
@given(TEXT)
def test_record(data):
    assert check(with_member(f"{DIST_INFO}/RECORD", data)).verdict == "findings"


@SETTINGS
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["Name", "Version", "Requires-Python", "Requires-Dist", "Metadata-Version", "Provides-Extra"]
            ),
            st.text(max_size=60),
        ),
        max_size=8,
    )
)
def test_metadata_fields(fields):
    text = "".join(f"{name}: {value}\n" for name, value in fields)
    check(with_member(f"{DIST_INFO}/METADATA", text.encode("utf-8", "surrogatepass")))


@SETTINGS
@given(TEXT)
def test_metadata(data):
    check(with_member(f"{DIST_INFO}/METADATA", data))


@SETTINGS
@given(TEXT)
def test_wheel_file(data):
    check(with_member(f"{DIST_INFO}/WHEEL", data))


def read_elf(data: bytes) -> None:
    reader = ElfReader()
    reader.feed(data)
    message = "one line"
    try:
        elf = reader.parse()
        marks = Scanner(collect_includes=True)
        marks.feed(data)
        compiled_for(elf, marks)
    except ElfError as error:
        message = str(error)
    assert len(message.splitlines()) == 1


@SETTINGS
@given(edits)
def test_elf_headers(changes):
    read_elf(edited(MODULE, changes, head=800))


@SETTINGS
@given(edits)
def test_elf_anywhere(changes):
    read_elf(edited(MODULE, changes))


@SETTINGS
@given(st.integers(0, len(MODULE)))
def test_elf_cut_off(size):
    read_elf(MODULE[:size])


@SETTINGS
@given(st.binary(max_size=300))
def test_elf_any_bytes(data):
    read_elf(b"\x7fELF" + data)


@settings(SETTINGS, max_examples=60)
@given(edits)
def test_elf_memory(changes):
    """Sizes that the headers claim are not believed."""
    tracemalloc.start()
    try:
        read_elf(edited(MODULE, changes, head=500))
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
