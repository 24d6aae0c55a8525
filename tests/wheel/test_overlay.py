"""The overlay: what comes out of two small real wheels."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile

import pytest
from overlays import DIST_INFO, RESULT, overlaid, run_python
from packaging.version import Version
from wheel_tools.archive import WheelArchive
from wheel_tools.errors import WheelError
from wheel_tools.examine import valid_tags
from wheel_tools.overlay_plan import joined_platform, joined_version
from wheels import base_wheel, contents, overlay_wheel, record_line


def test_the_package_is_replaced_and_nothing_else(tmp_path):
    path = overlaid(tmp_path)
    assert path.name == RESULT
    members = contents(path)
    assert sorted(name for name in members if not name.startswith(DIST_INFO)) == [
        "app/__init__.py",
        "app/third_party/__init__.py",
        "app/third_party/ops/_C.cpython-311-x86_64-linux-gnu.so",
        "app/third_party/ops/_C.cpython-312-x86_64-linux-gnu.so",
        "app/third_party/ops/__init__.py",
        "app/third_party/ops/include/ops/new.cuh",
        "app/third_party/ops/utils/__init__.py",
        "app/third_party/ops/utils/late.py",
        "app/third_party/ops_other.py",
    ]
    assert members["app/third_party/ops/__init__.py"] == b"from . import utils\nVERSION = '2.8.2'\n"
    assert members[f"{DIST_INFO}/licenses/LICENSE"] == b"Apache"
    assert members[f"{DIST_INFO}/licenses/app/third_party/ops/LICENSE"] == b"MIT"


def test_name_tags_version_and_record_agree(tmp_path):
    with WheelArchive(overlaid(tmp_path)) as wheel:
        assert wheel.dist_info == DIST_INFO
        assert wheel.metadata["version"] == "1.0+ops.2.8.2"
        assert wheel.metadata["description"] == "A description.\n"
        assert wheel.wheel.tags == ["cp38-abi3-manylinux_2_28_x86_64"]
        assert valid_tags(wheel.wheel.tags) == (wheel.name.tags, [])
        names = [member.name for member in wheel.members]
        assert [entry.path for entry in wheel.record] == names
        assert names[-1] == f"{DIST_INFO}/RECORD"
        in_dist_info = [name.startswith(DIST_INFO) for name in names]
        assert in_dist_info == sorted(in_dist_info)
        for entry in wheel.record[:-1]:
            data = wheel.read(wheel.get(entry.path))
            assert record_line(entry.path, data) == f"{entry.path},{entry.digest},{entry.size}"


def test_pip_installs_it(tmp_path):
    """An installer that has nothing to do with this project takes it, and the package imports where it lies."""
    uv = os.environ.get("UV")
    command = [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    site = tmp_path / "site"
    subprocess.run(
        [*command, "--no-deps", "--no-index", "--target", site, overlaid(tmp_path)],
        check=True,
        env={**os.environ, "UV_NO_CACHE": "1", "HOME": str(tmp_path)},
    )
    output = run_python(site, "import app.third_party.ops as ops; print(ops.VERSION, ops.__name__)")
    assert output == "2.8.2 app.third_party.ops\n"


def test_base_members_are_copied_as_they_are_stored(tmp_path):
    base = base_wheel(tmp_path)
    out = overlaid(tmp_path, base)
    with WheelArchive(base) as old, WheelArchive(out) as new:
        member, copy = old.get("app/third_party/ops_other.py"), new.get("app/third_party/ops_other.py")
        assert list(old.raw_chunks(member)) == list(new.raw_chunks(copy))
        for key in ("date_time", "external_attr", "create_system", "create_version", "flag_bits", "compress_type"):
            assert getattr(member.info, key) == getattr(copy.info, key), key


def test_the_same_wheels_give_the_same_bytes(tmp_path):
    first = hashlib.sha256(overlaid(tmp_path / "a").read_bytes()).hexdigest()
    assert hashlib.sha256(overlaid(tmp_path / "b").read_bytes()).hexdigest() == first


def test_streamed_and_stored_members_survive(tmp_path):
    """A base that was written to a pipe has its sizes after the data."""
    source = contents(base_wheel(tmp_path / "source"))
    base = tmp_path / "app-1.0-cp38-abi3-manylinux_2_28_x86_64.whl"

    class Pipe:
        def __init__(self, file):
            self.write, self.flush = file.write, file.flush

    with base.open("wb") as file, zipfile.ZipFile(Pipe(file), "w") as archive:
        for index, (name, data) in enumerate(source.items()):
            archive.writestr(name, data, zipfile.ZIP_DEFLATED if index % 2 else zipfile.ZIP_STORED)
    with zipfile.ZipFile(base) as archive:
        assert archive.infolist()[0].flag_bits & 8
    members = contents(overlaid(tmp_path, base))
    assert members["app/third_party/ops_other.py"] == source["app/third_party/ops_other.py"]


def test_licences_and_their_expression(tmp_path):
    base = base_wheel(tmp_path, requires="torch==2.14.0\nLicense-Expression: Apache-2.0 OR BSD-2-Clause")
    overlay = overlay_wheel(
        tmp_path,
        requires="torch==2.14.0\nLicense-Expression: MIT AND BSD-3-Clause",
        licenses={"LICENSE": b"MIT", "third-party/CUTLASS.txt": b"BSD"},
    )
    with WheelArchive(overlaid(tmp_path, base, overlay)) as wheel:
        assert wheel.metadata["license_files"] == [
            "LICENSE",
            "app/third_party/ops/LICENSE",
            "app/third_party/ops/third-party/CUTLASS.txt",
        ]
        assert wheel.metadata["license_expression"] == "(Apache-2.0 OR BSD-2-Clause) AND MIT AND BSD-3-Clause"
        assert all(wheel.get(f"{DIST_INFO}/licenses/{path}") for path in wheel.metadata["license_files"])


def test_older_metadata_gets_the_files_and_no_new_fields(tmp_path):
    base = base_wheel(tmp_path, metadata_version="2.1", licenses={})
    with WheelArchive(overlaid(tmp_path, base)) as wheel:
        assert b"License-File" not in wheel.metadata_bytes
        assert wheel.get(f"{DIST_INFO}/licenses/app/third_party/ops/LICENSE")


def test_an_overlaid_wheel_can_be_overlaid_again(tmp_path):
    first = overlaid(tmp_path / "first")
    again = overlaid(tmp_path / "again", first)
    assert again.name == first.name
    assert contents(again).keys() == contents(first).keys()
    with WheelArchive(again) as wheel:
        assert wheel.metadata["license_files"] == ["LICENSE", "app/third_party/ops/LICENSE"]


def test_data_directory_build_number_and_signatures(tmp_path):
    files = {"app/third_party/ops/__init__.py": b"", "app-1.0.data/scripts/app": b"#!python\n"}
    base = base_wheel(
        tmp_path,
        "app-1.0-3-cp38-abi3-manylinux_2_28_x86_64.whl",
        files=files,
        dist_info_extra={"entry_points.txt": b"[x]\n", "RECORD.jws": b"{}"},
    )
    out = overlaid(tmp_path, base)
    assert out.name == "app-1.0+ops.2.8.2-3-cp38-abi3-manylinux_2_28_x86_64.whl"
    members = contents(out)
    assert members[f"{DIST_INFO}/WHEEL"].decode().splitlines()[-1] == "Build: 3"
    assert "app-1.0+ops.2.8.2.data/scripts/app" in members
    assert f"{DIST_INFO}/entry_points.txt" in members
    assert not [name for name in members if name.endswith(".jws") or name.startswith("app-1.0.")]


def test_a_base_whose_version_is_not_normalized(tmp_path):
    out = overlaid(tmp_path, base_wheel(tmp_path, "App-v1.0+CU_0129-cp38-abi3-manylinux_2_28_x86_64.whl"))
    assert out.name == "app-1.0+cu.129.ops.2.8.2-cp38-abi3-manylinux_2_28_x86_64.whl"
    with WheelArchive(out) as wheel:
        assert wheel.dist_info == "app-1.0+cu.129.ops.2.8.2.dist-info"
        assert wheel.metadata["version"] == "1.0+cu.129.ops.2.8.2"


def test_stronger_hashes_in_record_are_checked_too(tmp_path):
    good = contents(base_wheel(tmp_path / "good"))
    lines = [record_line(path, data, "sha512") for path, data in good.items() if not path.endswith("RECORD")]
    overlaid(tmp_path, base_wheel(tmp_path, record="\n".join(lines)))
    lines = [line.replace("sha512=", "sha512=A", 1) for line in lines]
    with pytest.raises(WheelError, match="as RECORD says"):
        overlaid(tmp_path, base_wheel(tmp_path, record="\n".join(lines)))


@pytest.mark.parametrize(
    ("version", "label", "expected"),
    [
        ("0.33.0", "deepgemm.2.8.2", "0.33.0+deepgemm.2.8.2"),
        ("0.33.0+cu129", "deepgemm.2.8.2", "0.33.0+cu129.deepgemm.2.8.2"),
        ("0.33.0+deepgemm.2.8.2", "deepgemm.2.8.2", "0.33.0+deepgemm.2.8.2"),
        ("1!2.0rc1.post2.dev3", "x", "1!2.0rc1.post2.dev3+x"),
    ],
)
def test_local_versions(version, label, expected):
    assert str(joined_version(Version(version), label)) == expected


@pytest.mark.parametrize(
    ("base", "overlay", "expected"),
    [
        ("manylinux_2_28_x86_64", "manylinux_2_28_x86_64", "manylinux_2_28_x86_64"),
        ("manylinux_2_31_x86_64", "manylinux_2_28_x86_64", "manylinux_2_31_x86_64"),
        ("manylinux_2_24_x86_64", "manylinux_2_28_x86_64", "manylinux_2_28_x86_64"),
        (
            "manylinux2014_x86_64.manylinux_2_17_x86_64",
            "manylinux1_x86_64",
            "manylinux2014_x86_64.manylinux_2_17_x86_64",
        ),
        ("linux_x86_64", "manylinux_2_28_x86_64", "linux_x86_64"),
        ("manylinux_2_28_x86_64", "linux_x86_64", "linux_x86_64"),
    ],
)
def test_the_platform_is_the_more_demanding_one(base, overlay, expected):
    assert joined_platform(base, overlay) == expected
