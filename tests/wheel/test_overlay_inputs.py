"""Pairs of wheels that do not fit, and settings without a meaning: one clear error for each."""

from __future__ import annotations

import zipfile

import pytest
from overlays import DIST_INFO, overlaid, refuses
from wheel_tools.errors import WheelError
from wheel_tools.overlay_inputs import Settings
from wheels import base_wheel, contents, extensions, library, overlay_wheel


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


def test_the_torch_can_be_passed(tmp_path):
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
