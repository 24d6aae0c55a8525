"""import-check on wheels with operator libraries: a real interpreter loads them with a real torch."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from small_wheel import SmallWheel
from wheel_tools import import_check

TAG, VERSION = f"cp3{sys.version_info.minor}", f"3.{sys.version_info.minor}"
LOADING = b"""\
import importlib.util
import torch
torch.ops.load_library(importlib.util.find_spec("tiny._ops").origin)
"""


class Check:
    """Runs import-check on a wheel with an operator library `tiny/_ops.so`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        library = Path(os.environ["OPERATORS"]).read_bytes()
        self.wheel = SmallWheel({"tiny/_ops.so": library}, name_tag="py3-none-manylinux_2_28_x86_64")

    def __call__(self, *options: str) -> int:
        python = f"--python={TAG},{VERSION},{sys.executable},{os.environ['PINS']}"
        wheel = f"--wheel={self.wheel.write(self.directory)}"
        work = f"--work={self.directory / 'work'}"
        return import_check.main([wheel, f"--uv={os.environ['UV']}", "--module=tiny", work, python, *options])


@pytest.fixture
def check(tmp_path: Path) -> Check:
    return Check(tmp_path)


def test_it_is_loaded_and_its_operators_are_listed(check: Check, capsys: pytest.CaptureFixture) -> None:
    assert check("--extension=_ops") == 0
    out = capsys.readouterr().out
    assert f"{VERSION}: ok: _ops.so, torch 2.14.0" in out
    assert ", operators everyday::sum_of_squares, everyday::threads\n" in out


def test_an_operator_that_it_does_not_register(check: Check, capsys: pytest.CaptureFixture) -> None:
    assert check("--extension=_ops", "--operator=everyday::threads", "--operator=everyday::more") == 1
    assert "expected everyday::more to be registered with torch; check what is in the wheel" in capsys.readouterr().out


def test_a_package_that_loads_it(check: Check, capsys: pytest.CaptureFixture) -> None:
    check.wheel.files["tiny/__init__.py"] = LOADING
    assert check("--operator=everyday::threads") == 0
    assert "everyday::threads" in capsys.readouterr().out


def test_a_package_that_does_not_load_it(check: Check, capsys: pytest.CaptureFixture) -> None:
    check.wheel.files["tiny/__init__.py"] = b""
    assert check("--operator=everyday::threads") == 1
    assert "found no operators; expected everyday::threads to be registered" in capsys.readouterr().out


def test_a_library_that_the_import_system_does_not_find(check: Check, capsys: pytest.CaptureFixture) -> None:
    check.wheel.files["tiny/_ops.so.1"] = check.wheel.files.pop("tiny/_ops.so")
    assert check("--extension=_ops") == 1
    assert "No module named 'tiny._ops'" in capsys.readouterr().out
