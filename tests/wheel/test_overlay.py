"""The overlay: what comes out of two small real wheels, and one clear error for each pair that does not fit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.version import Version
from wheel_tools import overlay as overlay_module
from wheel_tools.archive import WheelArchive
from wheel_tools.errors import WheelError
from wheel_tools.overlay import joined_platform, joined_version, main
from wheel_tools.overlay_inputs import Settings
from wheels import base_wheel, contents, extensions, library, make_wheel, overlay_wheel, record_line

SETTINGS = Settings("ops", "app/third_party", "ops.2.8.2")
RESULT = "app-1.0+ops.2.8.2-cp38-abi3-manylinux_2_28_x86_64.whl"
DIST_INFO = "app-1.0+ops.2.8.2.dist-info"


def overlaid(
    tmp_path: Path, base: Path | None = None, overlay: Path | None = None, settings: Settings = SETTINGS
) -> Path:
    """The result for two wheels; each defaults to a good one."""
    out = tmp_path / "out"
    out.mkdir(parents=True, exist_ok=True)
    return overlay_module.overlay_wheel(
        base or base_wheel(tmp_path), overlay or overlay_wheel(tmp_path), settings, out_dir=out
    )


# What comes out


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
        assert wheel.wheel.tag_set == wheel.name.tags
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


# Absolute names in compiled code


def test_modules_that_compiled_code_imports_by_absolute_name_stay_importable(tmp_path):
    overlay = overlay_wheel(tmp_path, body=b"\0ops.utils.late\0ops.gone\0notops.utils\0")
    out = overlaid(tmp_path, overlay=overlay)
    init = contents(out)["app/third_party/ops/__init__.py"].decode()
    assert "('utils', 'utils.late')" in init
    with zipfile.ZipFile(out) as archive:
        archive.extractall(tmp_path / "site")
    assert run_python(tmp_path / "site", _IMPORT_FROM_C) == "True True True False\n"


def test_an_installed_package_keeps_its_name(tmp_path):
    overlay = overlay_wheel(tmp_path, body=b"\0ops.utils.late\0")
    with zipfile.ZipFile(overlaid(tmp_path, overlay=overlay)) as archive:
        archive.extractall(tmp_path / "site")
    with zipfile.ZipFile(overlay) as archive:
        archive.extractall(tmp_path / "site")
    assert run_python(tmp_path / "site", _IMPORT_FROM_C) == "False True False False\n"


# What pybind11's module_::import calls, and whether it gives the moved package's module.
_IMPORT_FROM_C = """
import ctypes, sys
import app.third_party.ops as ops
api = ctypes.pythonapi.PyImport_ImportModule
api.restype, api.argtypes = ctypes.py_object, [ctypes.c_char_p]
late = api(b"ops.utils.late")
print(late is sys.modules.get("app.third_party.ops.utils.late"), late.LOADED, sys.modules["ops"] is ops,
      hasattr(ops, "_keep_absolute_names"))
"""


def run_python(directory: Path, program: str) -> str:
    """What a program prints that finds its modules in the directory, however isolated this Python is."""
    program = f"import sys; sys.path.insert(0, {str(directory)!r})\n{program}"
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout


def test_a_name_that_spans_two_chunks_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr("wheel_tools.archive.CHUNK", 64)
    overlay = overlay_wheel(tmp_path, body=bytes((1 << 20) - 70) + b"\0ops.utils.late\0")
    assert b"utils.late" in contents(overlaid(tmp_path, overlay=overlay))["app/third_party/ops/__init__.py"]


@pytest.mark.parametrize(
    "source",
    [
        b"import ops.utils",
        b"from ops import utils",
        b"import importlib\nimportlib.import_module('ops.utils')",
        b"def f():\n    import ops as o",
    ],
)
def test_absolute_imports_in_python_are_an_error(tmp_path, source):
    files = {"ops/__init__.py": b"", "ops/utils.py": source, **extensions("ops")}
    with pytest.raises(WheelError, match=r"ops/utils.py:\d: import of ops"):
        overlaid(tmp_path, overlay=overlay_wheel(tmp_path, files=files))


def test_imports_of_others_are_none(tmp_path):
    source = b"import os, opsx\nfrom . import ops\nfrom .ops import x\nfind_spec(name)\n# import ops\n"
    files = {"ops/__init__.py": b"", "ops/utils.py": source, "ops/broken.py": b"ops (", **extensions("ops")}
    overlaid(tmp_path, overlay=overlay_wheel(tmp_path, files=files))


# Pairs that do not fit


def refuses(
    tmp_path: Path, match: str, base: Path | None = None, overlay: Path | None = None, settings: Settings = SETTINGS
) -> None:
    with pytest.raises(WheelError, match=match) as error:
        overlaid(tmp_path, base, overlay, settings)
    text = str(error.value)
    assert text.isprintable()
    assert "; expected " in text
    assert list((tmp_path / "out").iterdir()) == []


def test_base_without_the_package(tmp_path):
    refuses(tmp_path, "nothing below app/third_party/ops/", base_wheel(tmp_path, files={"app/third_party/ops.py": b""}))


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("app-1.0-cp38-abi3-manylinux_2_28_aarch64.whl", "a wheel for aarch64; expected one for x86_64"),
        ("app-1.0-cp38-abi3-macosx_14_0_arm64.whl", "the platform tag macosx_14_0_arm64"),
        ("app-1.0-cp38-abi3-musllinux_1_2_x86_64.whl", "the platform tag musllinux"),
        ("app-1.0-py3-none-any.whl", "the platform tag any"),
    ],
)
def test_base_for_another_platform(tmp_path, name, match):
    refuses(tmp_path, match, base_wheel(tmp_path, name))


@pytest.mark.parametrize(
    ("requires_python", "missing"),
    [
        ("<3.14,>=3.11", "3.13 too"),
        (">=3.10,<3.13", "3.10 too"),
        (">=3.11,!=3.13.*", "3.14, 3.15 too"),
        ("", "3.8, 3.9, 3.10, 3.13, 3.14, 3.15 too"),
    ],
)
def test_pythons_that_the_base_admits_and_the_extension_lacks(tmp_path, requires_python, missing):
    refuses(tmp_path, missing, base_wheel(tmp_path, requires_python=requires_python))


@pytest.mark.parametrize("requires_python", ["<3.15,>=3.10", ""])
def test_a_narrower_requires_python(tmp_path, requires_python):
    base = base_wheel(tmp_path, requires_python=requires_python)
    settings = Settings("ops", "app/third_party", "ops.2.8.2", requires_python="==3.12.*")
    overlay = overlay_wheel(tmp_path, pythons=("312",))
    metadata = contents(overlaid(tmp_path, base, overlay, settings))[f"{DIST_INFO}/METADATA"].decode()
    lines = [line for line in metadata.splitlines() if line.startswith(("Requires-Python", "Version"))]
    assert lines == ["Version: 1.0+ops.2.8.2", "Requires-Python: ==3.12.*"]


def test_requires_python_that_admits_nothing_or_cannot_be_read(tmp_path):
    refuses(tmp_path, "admits some CPython", base_wheel(tmp_path, requires_python=">=4"))
    refuses(tmp_path, "a version specifier such as", base_wheel(tmp_path, requires_python="three"))


@pytest.mark.parametrize("tag", ["cpython-312t-x86_64-linux-gnu", "cpython-312d-x86_64-linux-gnu", "pypy39-pp73"])
def test_other_abis_do_not_count(tmp_path, tag):
    files = {"ops/__init__.py": b"", **extensions("ops", ("311",)), f"ops/_C.{tag}.so": library()}
    refuses(tmp_path, "ops/_C for CPython 3.11", overlay=overlay_wheel(tmp_path, files=files))


def test_every_module_must_be_complete(tmp_path):
    files = {"ops/__init__.py": b"", **extensions("ops"), **extensions("ops/sub", ("312",))}
    refuses(tmp_path, "ops/sub/_C for CPython 3.12; expected 3.11 too", overlay=overlay_wheel(tmp_path, files=files))


def test_a_stable_abi_serves_from_its_tag_on(tmp_path):
    files = {"ops/__init__.py": b"", "ops/_C.abi3.so": library()}
    overlaid(tmp_path, overlay=overlay_wheel(tmp_path, "ops-2.8.2-cp310-abi3-manylinux_2_28_x86_64.whl", files=files))
    newer = overlay_wheel(tmp_path, "ops-2.8.2-cp312-abi3-manylinux_2_28_x86_64.whl", files=files)
    out = tmp_path / "out"
    for path in out.iterdir():
        path.unlink()
    refuses(tmp_path, "ops/_C for CPython 3.12; expected 3.11 too", overlay=newer)


def test_overlays_that_are_not_the_package(tmp_path):
    refuses(tmp_path, "no extension module", overlay=overlay_wheel(tmp_path, files={"ops/__init__.py": b""}))
    refuses(tmp_path, "no ops/__init__.py", overlay=overlay_wheel(tmp_path, files=extensions("ops")))
    files = {"ops/__init__.py": b"", "other/x.py": b"", **extensions("ops")}
    refuses(tmp_path, "other/x.py, outside ops/", overlay=overlay_wheel(tmp_path, files=files))


@pytest.mark.parametrize(
    ("requires", "match"),
    [
        ("torch==2.11.0", "torch==2.11.0; expected one that admits torch 2.14.0"),
        ("torch<2.14", "torch<2.14"),
        ("", "no Requires-Dist: torch"),
        ('torch==2.14.0; sys_platform == "win32"', "no Requires-Dist: torch"),
        ('torch==2.14.0; extra == "cuda"', "no Requires-Dist: torch"),
        (
            'torch==2.11.0; python_version >= "3.12"\nRequires-Dist: torch==2.14.0; python_version < "3.12"',
            "torch==2.11.0",
        ),
    ],
)
def test_a_base_for_another_torch(tmp_path, requires, match):
    refuses(tmp_path, match, base_wheel(tmp_path, requires=requires))


@pytest.mark.parametrize("requires", ["torch==2.14.0", "torch>=2.10", "Torch~=2.14.0", "torch==2.14.*"])
def test_a_base_for_this_torch(tmp_path, requires):
    overlaid(tmp_path, base_wheel(tmp_path, requires=requires))


def test_the_torch_can_be_told(tmp_path):
    settings = Settings("ops", "app/third_party", "x", "2.14.0+cu130")
    overlaid(tmp_path, overlay=overlay_wheel(tmp_path, requires=""), settings=settings)
    wrong = Settings("ops", "app/third_party", "y", "2.13.0")
    with pytest.raises(WheelError, match=r"admits torch 2[.]13[.]0"):
        overlaid(tmp_path, settings=wrong)
    with pytest.raises(WheelError, match="--torch-version"):
        overlaid(tmp_path, settings=Settings("ops", "app/third_party", "y", "new"))


def test_an_overlay_that_pins_no_torch_is_not_checked(tmp_path):
    overlaid(tmp_path, base_wheel(tmp_path, requires=""), overlay_wheel(tmp_path, requires="torch>=2.10"))


def test_a_name_that_is_not_what_is_inside(tmp_path):
    path = base_wheel(tmp_path).rename(tmp_path / "app-2.0-cp38-abi3-manylinux_2_28_x86_64.whl")
    refuses(tmp_path, "METADATA of app 1.0; expected app 2.0", path)


def test_a_corrupted_member_is_found(tmp_path):
    good = contents(base_wheel(tmp_path / "good"))["app-1.0.dist-info/RECORD"].decode()
    bad = base_wheel(tmp_path, record=good.replace("app/__init__.py,sha256=4", "app/__init__.py,sha256=5"))
    refuses(tmp_path, r"app/__init__.py: found 0 bytes with sha256=4\S+; expected 0 with sha256=5", bad)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda lines: [line for line in lines if "ops_other" not in line], "ops_other.py: found no line in RECORD"),
        (lambda lines: [line.replace("sha256", "md5") for line in lines], "the hash md5="),
        (lambda lines: [*lines, "app/__init__.py,sha256=x,1"], "two different lines for app/__init__.py"),
        (lambda lines: [f"{line.split(',')[0]},," for line in lines], r"the hash \(none\)"),
    ],
)
def test_records_that_prove_nothing(tmp_path, change, match):
    lines = contents(base_wheel(tmp_path / "good"))["app-1.0.dist-info/RECORD"].decode().splitlines()
    refuses(tmp_path, match, base_wheel(tmp_path, record="\n".join(change(lines))))


def test_duplicate_and_climbing_members(tmp_path):
    for name in ("app/__init__.py", "../evil.py"):
        base = base_wheel(tmp_path)
        with zipfile.ZipFile(base, "a") as archive:
            if name in archive.namelist():
                with pytest.warns(UserWarning, match="Duplicate"):
                    archive.writestr(name, b"")
            else:
                archive.writestr(name, b"")
        refuses(tmp_path, name, base)


def test_files_that_are_no_wheels(tmp_path):
    text = tmp_path / "app-1.0-cp38-abi3-manylinux_2_28_x86_64.whl"
    text.write_text("not found")
    refuses(tmp_path, "not a zip archive", text)
    refuses(tmp_path, "cannot be read", tmp_path / "missing.whl")
    whole = base_wheel(tmp_path / "whole")
    text.write_bytes(whole.read_bytes()[:-200])
    refuses(tmp_path, "truncated", text)
    refuses(tmp_path, "no app-1.0.dist-info/RECORD", base_wheel(tmp_path, record=""))


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (Settings("ops", "../x", "y"), "--under"),
        (Settings("ops/x", "app", "y"), "--package"),
        (Settings("ops", "app/third_party", "a b"), "--local-version"),
        (Settings("ops", "app/third_party", ""), "--local-version"),
        (Settings("ops", "app/third_party", "y", requires_python="three"), "--requires-python"),
        (Settings("ops", "app/third_party", "y", requires_python="<3.12,>=3.10"), "3.11, 3.12"),
    ],
)
def test_settings_that_make_no_sense(tmp_path, settings, match):
    refuses(tmp_path, match, settings=settings)


# The command


def run(tmp_path: Path, *extra: str | Path) -> int:
    return main(
        [
            "--base",
            str(base_wheel(tmp_path)),
            "--overlay",
            str(overlay_wheel(tmp_path)),
            "--package",
            "ops",
            "--under",
            "app/third_party",
            "--local-version",
            "ops.2.8.2",
            *map(str, extra),
        ]
    )


def test_the_command_prints_the_name_that_it_chose(tmp_path, capsys):
    assert run(tmp_path, "--out-dir", tmp_path) == 0
    assert capsys.readouterr().out == f"{tmp_path / RESULT}\n"
    assert (tmp_path / RESULT).is_file()


def test_the_command_has_nothing_to_tell_of_a_named_output(tmp_path, capsys):
    assert run(tmp_path, "--out", tmp_path / RESULT) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / RESULT).is_file()


def test_the_output_must_be_named_for_what_is_in_it(tmp_path, capsys):
    assert run(tmp_path, "--out", tmp_path / "out.whl") == 1
    error = capsys.readouterr().err
    assert f"expected {RESULT}" in error
    assert error.count("\n") == 1


def test_a_place_that_cannot_be_written(tmp_path, capsys):
    assert run(tmp_path, "--out-dir", tmp_path / "missing") == 1
    assert "No such file or directory" in capsys.readouterr().err


def test_a_full_disk_leaves_nothing_behind(tmp_path, capsys, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("wheel_tools.zipwriter.ZipWriter.finish", full)
    (tmp_path / "out").mkdir()
    assert run(tmp_path, "--out-dir", tmp_path / "out") == 1
    assert "No space left on device" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_members_beyond_four_gigabytes_have_the_headers_for_it(tmp_path):
    """The archive's own reader reads back what the writer writes beyond 32 bits, without so much data."""
    from wheel_tools.zipwriter import ZipWriter  # noqa: PLC0415

    class Sparse:
        """A file whose large writes are holes."""

        def __init__(self, file):
            self.file = file

        def write(self, data):
            if isinstance(data, Hole):
                self.file.seek(len(data), 1)
            else:
                self.file.write(data)

    class Hole:
        def __len__(self):
            return 5 << 30

    source = make_wheel(tmp_path, "big-1-py3-none-any.whl", {"a": b"small"})
    path = tmp_path / "big.zip"
    with path.open("wb") as file, WheelArchive(source) as archive:
        writer = ZipWriter(Sparse(file))
        member = archive.get("a")
        large = type(member)(0, "a", 5 << 30, 5 << 30, 0, 0, member.info)
        large.info.compress_type = zipfile.ZIP_STORED
        archive.raw_chunks = lambda _: [Hole()]
        writer.copy(archive, large, "large")
        writer.add("after", b"after")
        writer.finish()
    with zipfile.ZipFile(path) as archive:
        assert [(info.filename, info.file_size) for info in archive.infolist()] == [("large", 5 << 30), ("after", 5)]
        assert archive.read("after") == b"after"


def test_more_members_than_sixteen_bits_count(tmp_path):
    from wheel_tools.zipwriter import ZipWriter  # noqa: PLC0415

    path = tmp_path / "many.zip"
    with path.open("wb") as file:
        writer = ZipWriter(file)
        for index in range(70000):
            writer.add(str(index), b"")
        writer.finish()
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 70000
