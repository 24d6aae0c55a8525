"""A wheel for aarch64 is checked and imported on a machine that may have another CPU."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from small_wheel import PACKAGE, SmallWheel, module
from wheel_tools import check, import_check

PYTHON = "3.13"
SUFFIX = "cpython-313-aarch64-linux-gnu.so"


@pytest.fixture
def wheel() -> SmallWheel:
    files = {"tiny/__init__.py": b"from tiny.plain import pair\n", f"tiny/plain.{SUFFIX}": module("plain", PYTHON)}
    return SmallWheel(files, (PYTHON,), "==3.13.*", platform="manylinux_2_28_aarch64")


def test_it_passes(wheel: SmallWheel, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert check.main([str(wheel.write(tmp_path))]) == 0, capsys.readouterr().out


def test_a_library_for_x86_64_does_not(wheel: SmallWheel, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    wheel.files[f"{PACKAGE}/_C.{SUFFIX}"] = module("tiny", PYTHON)
    assert check.main([str(wheel.write(tmp_path))]) == 1
    assert "x86_64" in capsys.readouterr().out


def _import(wheel: Path, tmp_path: Path, *options: str) -> int:
    torch = tmp_path / "site" / "torch" / "__init__.py"
    torch.parent.mkdir(parents=True)
    torch.write_text('__version__ = "2.14.0"\n')
    return import_check.main(
        [
            f"--wheel={wheel}",
            f"--uv={os.environ['UV']}",
            "--module=tiny",
            "--extension=plain",
            f"--python=cp313,{PYTHON},{os.environ['INTERPRETER']},{tmp_path / 'pins.txt'}",
            f"--work={tmp_path / 'work'}",
            *options,
        ]
    )


def test_it_is_imported(wheel: SmallWheel, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    options = [f"--emulator={emulator}" for emulator in os.environ["EMULATOR"].split()]
    assert _import(wheel.write(tmp_path), tmp_path, *options) == 0, capsys.readouterr().out
    assert f"3.13: ok: plain.{SUFFIX}, torch 2.14.0" in capsys.readouterr().out


@pytest.mark.skipif(os.uname().machine == "aarch64", reason="this machine runs aarch64's interpreters by itself")
def test_without_an_emulator_it_is_not(wheel: SmallWheel, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert _import(wheel.write(tmp_path), tmp_path) == 1
    assert "3.13: FAILED:" in capsys.readouterr().out
