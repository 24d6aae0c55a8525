"""The archive reader: what it reads in real wheels, and one clear error for anything else."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zipfile
from pathlib import Path

import pytest
from wheel_tools import zipreader
from wheel_tools.archive import WheelArchive, is_safe_name
from wheel_tools.errors import WheelError
from wheel_tools.record import format_record, parse_record
from wheels import base_wheel, contents, make_wheel

NAME = "app-1.0-1-cp38-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"


def read_all(path: Path) -> None:
    """Everything that the reader offers."""
    with WheelArchive(path) as wheel:
        for field in ("name", "wheel", "record", "metadata", "requires_python", "requires_dist"):
            assert getattr(wheel, field) is not None
        for member in wheel.members:
            assert sum(map(len, wheel.chunks(member))) == member.size
            assert sum(map(len, wheel.raw_chunks(member))) == member.compressed_size


def test_reads_a_wheel_without_unpacking_it(tmp_path):
    path = base_wheel(tmp_path, NAME)
    read_all(path)
    with WheelArchive(path) as wheel:
        assert wheel.name.distribution == "app"
        assert str(wheel.name.version) == "1.0"
        assert wheel.name.build == (1, "")
        assert {str(tag) for tag in wheel.name.tags} == {
            "cp38-abi3-manylinux2014_x86_64",
            "cp38-abi3-manylinux_2_17_x86_64",
        }
        assert wheel.wheel.tags == ["cp38-abi3-linux_x86_64"]
        assert wheel.dist_info == "app-1.0.dist-info"
        assert "3.12" in wheel.requires_python
        assert [str(requirement) for requirement in wheel.requires_dist] == ["torch==2.14.0"]
        assert [entry.path for entry in wheel.record] == [member.name for member in wheel.members]
        data = wheel.read(wheel.get("app/third_party/ops/__init__.py"))
    assert data == b"OLD = True\n"
    assert list(tmp_path.iterdir()) == [path]


def test_large_members_are_streamed(tmp_path):
    path = make_wheel(tmp_path, NAME, {"app/zeros": bytes(5 << 20)})
    with WheelArchive(path) as wheel:
        sizes = [len(chunk) for chunk in wheel.chunks(wheel.get("app/zeros"), 1 << 16)]
    assert sum(sizes) == 5 << 20
    assert max(sizes) <= 1 << 16


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "an empty file"),
        (b"<html>404</html>" * 100, "not a zip archive"),
        (b"PK\3\4" + bytes(1000), "truncated download"),
        (b"PK\5\6" + bytes(10), "not a zip archive"),
        (b"PK\5\6" + b"\xff" * 18, "Bad offset for central directory|negative seek|not a zip archive"),
    ],
)
def test_files_that_are_not_zip_archives(tmp_path, data, found):
    path = tmp_path / NAME
    path.write_bytes(data)
    with pytest.raises(WheelError, match=found) as error:
        WheelArchive(path)
    assert "\n" not in str(error.value)


def test_every_truncation_is_one_error(tmp_path):
    whole = base_wheel(tmp_path / "whole", NAME).read_bytes()
    path = tmp_path / NAME
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(WheelError):
            read_all(path)


def test_every_flipped_byte_is_read_or_one_error(tmp_path):
    whole = bytearray(base_wheel(tmp_path / "whole", NAME).read_bytes())
    path = tmp_path / NAME
    failed = 0
    for at in range(0, len(whole), 3):
        whole[at] ^= 0xFF
        path.write_bytes(whole)
        whole[at] ^= 0xFF
        try:
            read_all(path)
        except WheelError:
            failed += 1
    assert failed > len(whole) / 6


def test_a_directory_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(zipreader, "MAX_DIRECTORY", 100)
    with pytest.raises(WheelError, match="archive directory of"):
        WheelArchive(base_wheel(tmp_path, NAME))


def test_metadata_that_would_fill_the_memory_is_refused(tmp_path):
    path = make_wheel(tmp_path, NAME, {}, metadata="X: " + "x" * (17 << 20))
    with WheelArchive(path) as wheel, pytest.raises(WheelError, match="at most 16777216"):
        _ = wheel.metadata


def test_a_member_that_lies_about_its_size(tmp_path):
    path = make_wheel(tmp_path, NAME, {"app/zeros": bytes(1 << 20)})
    data = path.read_bytes()
    size = struct.pack("<I", 1 << 20)
    path.write_bytes(data.replace(size, struct.pack("<I", 10)))
    with WheelArchive(path) as wheel, pytest.raises(WheelError, match="app/zeros"):
        wheel.read(wheel.get("app/zeros"))


def test_duplicate_and_unsafe_names_are_reported(tmp_path):
    path = tmp_path / NAME
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's own, of the duplicates
        for name in ("a.py", "a.py", "a.py", "../up.py", "/etc/passwd", "b//c", "fine/b.py"):
            archive.writestr(name, b"")
    with WheelArchive(path) as wheel:
        assert wheel.duplicate_names == ["a.py"]
        assert wheel.unsafe_names == ["../up.py", "/etc/passwd", "b//c"]


@pytest.mark.parametrize("name", ["", "/", "a/../b", "./a", "a\\b", "C:/a", "a\0b", "a//b", ".."])
def test_unsafe_names(name):
    assert not is_safe_name(name)


def test_a_local_header_that_disagrees(tmp_path):
    path = base_wheel(tmp_path, NAME)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"app/third_party/ops_other.py", b"app/third_party/ops_hidde.py", 1))
    with WheelArchive(path) as wheel, pytest.raises(WheelError, match=r"header .* differ"):
        wheel.read(wheel.get("app/third_party/ops_other.py"))


@pytest.mark.parametrize("name", ["app.whl", "app-1.0.zip", "app-one-cp38-abi3-any.whl", "app-1.0-x-cp38-abi3-any.whl"])
def test_a_file_name_that_is_not_a_wheels(tmp_path, name):
    path = base_wheel(tmp_path / "whole", NAME).rename(tmp_path / name)
    with WheelArchive(path) as wheel, pytest.raises(WheelError, match="NAME-VERSION"):
        _ = wheel.name


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("requires_python", "Requires-Python: three"),
        ("requires_dist", "Requires-Dist: torch=2.14"),
        ("requires_python", "Requires-Python: >=3.11\nRequires-Python: >=3.12"),
    ],
)
def test_metadata_that_cannot_be_read_as_what_it_should_be(tmp_path, field, text):
    path = make_wheel(tmp_path, NAME, {}, metadata=text + "\n")
    with WheelArchive(path) as wheel, pytest.raises(WheelError, match=re.escape(text.rpartition(": ")[2])):
        getattr(wheel, field)


def test_missing_and_several_dist_infos(tmp_path):
    path = tmp_path / NAME
    for names, count in ((["a.py"], 0), (["a-1.dist-info/WHEEL", "b-1.dist-info/WHEEL"], 2)):
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, b"")
        with WheelArchive(path) as wheel, pytest.raises(WheelError, match=f"{count} .dist-info"):
            _ = wheel.dist_info


def test_missing_record(tmp_path):
    with WheelArchive(base_wheel(tmp_path, NAME, record="")) as wheel, pytest.raises(WheelError, match=r"no app-1\.0"):
        _ = wheel.record


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ("a,sha256=x", "the line 'a,sha256=x'; expected path,hash,size"),
        ("a,sha256,1", "the line 'a,sha256,1'"),
        ("a,sha256=,1", "the line 'a,sha256=,1'"),
        ("a,=x,1", "the line 'a,=x,1'"),
        (",sha256=x,1", "the line ',sha256=x,1'"),
        ("a,sha256=x,-1", "the line 'a,sha256=x,-1'"),
        ("a,sha256=x,1_0", "the line 'a,sha256=x,1_0'"),
        ("a,sha256=x, 1", "the line 'a,sha256=x, 1'"),
        ("a,sha256=x,٣", "the line 'a,sha256=x,٣'"),
        ("a,sha256=x," + "9" * 5000, "the line 'a,sha256=x,999"),
        ('a,"sha256=x,1', "not CSV"),
        ('a,"sha256=x"y,1', "not CSV"),
        ("a" * 200000 + ",,", "not CSV"),
    ],
)
def test_records_that_cannot_be_read(tmp_path, record, found):
    path = base_wheel(tmp_path, NAME, record=record)
    with WheelArchive(path) as wheel, pytest.raises(WheelError, match=found) as error:
        _ = wheel.record
    assert "line 1" in str(error.value)


def test_the_wrong_line_of_a_record_is_numbered(tmp_path):
    path = base_wheel(tmp_path, NAME, record="a.py,sha256=x,1\r\n\r\nb.py,sha256=x,1\r\nc.py\r\nd.py,,\r\n")
    with WheelArchive(path) as wheel, pytest.raises(WheelError, match=r"RECORD, line 4: found the line 'c\.py'"):
        _ = wheel.record


def test_a_record_with_quotes_empty_lines_and_no_hashes(tmp_path):
    record = b'"a, b.py",sha256=x,1\r\n\r\n"c""d.py",,\n'
    entries = parse_record(record)
    assert [(entry.path, entry.digest, entry.algorithm, entry.size) for entry in entries] == [
        ("a, b.py", "sha256=x", "sha256", 1),
        ('c"d.py', "", "", None),
    ]
    assert format_record(entries) == b'"a, b.py",sha256=x,1\n"c""d.py",,\n'


def test_a_backslash_in_a_path_stays():
    assert [entry.path for entry in parse_record(b"a\\b.py,,\n")] == ["a\\b.py"]


def test_a_record_that_is_not_utf_8():
    with pytest.raises(WheelError, match="found bytes that are not UTF-8"):
        parse_record(b"\xff,,\n")


def test_an_error_quotes_no_control_characters(tmp_path):
    path = make_wheel(tmp_path, NAME, {}, tags=["evil\x1b[31m-\x07\u202e"])
    with WheelArchive(path) as wheel, pytest.raises(WheelError) as error:
        _ = wheel.wheel
    assert str(error.value).isprintable()


def test_the_helper_makes_what_it_says(tmp_path):
    assert zipfile.is_zipfile(io.BytesIO(base_wheel(tmp_path).read_bytes()))
    assert "app-1.0.dist-info/RECORD" in contents(base_wheel(tmp_path))
