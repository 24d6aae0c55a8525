"""import-check: real interpreters install and import a small wheel; torch is a module with a version alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from small_wheel import SmallWheel, module, soabi, tag_of
from wheel_tools import import_check

INTERPRETERS = json.loads(os.environ["INTERPRETERS"])
PYTHONS = tuple(INTERPRETERS)
OLDER, NEWER = PYTHONS


class Check:
    """Runs import-check on a wheel with a module `tiny.plain` for each Python."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.pins = directory / "pins.txt"
        self.pins.touch()
        torch = directory / "site" / "torch" / "__init__.py"
        torch.parent.mkdir(parents=True)
        torch.write_text('__version__ = "2.14.0"\n')
        self.wheel = SmallWheel(
            {f"tiny/plain.{soabi(python)}.so": module("plain", python) for python in PYTHONS},
            pythons=PYTHONS,
            requires_python=f">={OLDER}",
        )
        self.wheel.files["tiny/__init__.py"] = b"from tiny.plain import pair\n"
        self.interpreters = dict(INTERPRETERS)

    def __call__(self, *options: str) -> int:
        pythons = [
            f"--python={tag_of(python)},{python},{interpreter},{self.pins}"
            for python, interpreter in self.interpreters.items()
        ]
        return import_check.main(
            [
                f"--wheel={self.wheel.write(self.directory)}",
                f"--uv={os.environ['UV']}",
                "--module=tiny",
                "--extension=plain",
                f"--work={self.directory / 'work'}",
                *pythons,
                *options,
            ]
        )


@pytest.fixture
def check(tmp_path: Path) -> Check:
    return Check(tmp_path)


def test_every_python_imports(check: Check, capsys: pytest.CaptureFixture) -> None:
    assert check() == 0
    assert capsys.readouterr().out.splitlines() == [
        *(f"{python}: ok: plain.{soabi(python)}.so, torch 2.14.0, 2 public names" for python in PYTHONS),
        "2 imported, 0 failed, 0 skipped",
    ]


def test_a_missing_interpreter_fails(check: Check, capsys: pytest.CaptureFixture) -> None:
    check.interpreters[OLDER] = ""
    assert check() == 1
    out = capsys.readouterr().out
    assert f"{OLDER}: FAILED: no interpreter of CPython {OLDER} is registered; install one with headers" in out
    assert "1 imported, 1 failed, 0 skipped" in out


def test_a_missing_interpreter_is_skipped_by_the_flag(check: Check, capsys: pytest.CaptureFixture) -> None:
    check.interpreters[OLDER] = ""
    assert check("--skip-missing") == 0
    out = capsys.readouterr().out
    assert f"{OLDER}: SKIPPED: no interpreter of CPython {OLDER} is registered" in out
    assert "1 imported, 0 failed, 1 skipped" in out


def test_all_skipped_fails(check: Check, capsys: pytest.CaptureFixture) -> None:
    check.interpreters = dict.fromkeys(PYTHONS, "")
    assert check("--skip-missing") == 1
    out = capsys.readouterr().out
    assert "0 imported, 0 failed, 2 skipped" in out
    assert "no CPython imported the module; expected one interpreter at least" in out


def test_unequal_public_names_fail(check: Check, capsys: pytest.CaptureFixture) -> None:
    newer = f"import sys as _sys\nif '{NEWER}' in _sys.version:\n    more = 1\n"
    check.wheel.files["tiny/__init__.py"] += newer.encode()
    assert check() == 1
    out = capsys.readouterr().out
    assert f"{OLDER}: lacks the public names more; expected the same names under every CPython" in out
    assert "2 imported, 1 failed, 0 skipped" in out


def test_a_python_without_its_file_fails(check: Check, capsys: pytest.CaptureFixture) -> None:
    del check.wheel.files[f"tiny/plain.{soabi(NEWER)}.so"]
    assert check() == 1
    out = capsys.readouterr().out
    assert f"{NEWER}: FAILED: import tiny fails" in out
    assert "No module named 'tiny.plain'" in out


def test_an_interpreter_of_another_version_fails(check: Check, capsys: pytest.CaptureFixture) -> None:
    check.interpreters[NEWER] = INTERPRETERS[OLDER]
    assert check() == 1
    assert f"is python{OLDER}; expected {NEWER}: register an interpreter of that version" in capsys.readouterr().out


def test_another_torch_than_required_fails(check: Check, capsys: pytest.CaptureFixture) -> None:
    check.wheel.requires_dist = ("torch==2.11.0",)
    assert check() == 1
    assert "torch 2.14.0 was imported; the wheel requires torch==2.11.0" in capsys.readouterr().out
