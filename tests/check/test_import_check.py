"""import-check: real interpreters install and import a small wheel. torch is a module that has only a version."""

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


def test_every_python_runs_the_script(check: Check, capsys: pytest.CaptureFixture) -> None:
    script = check.directory / "script.py"
    script.write_text(
        f"import sys\nfrom tiny import pair\nassert sys.version_info < ({NEWER.replace('.', ', ')}), 'too new'\n"
    )
    assert check(f"--script={script}") == 1
    out = capsys.readouterr().out
    assert f"{OLDER}: ok: " in out
    assert f"{NEWER}: FAILED: script.py: found exit status 1; expected 0" in out
    assert "AssertionError: too new" in out


def test_a_missing_interpreter_fails(check: Check, capsys: pytest.CaptureFixture) -> None:
    check.interpreters[OLDER] = ""
    assert check() == 1
    out = capsys.readouterr().out
    assert (
        f"{OLDER}: FAILED: no interpreter of CPython {OLDER} is registered; expected one: install one with headers"
        in out
    )
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
    assert "found no CPython that imported the module; expected one at least" in out


def test_unequal_public_names_fail(check: Check, capsys: pytest.CaptureFixture) -> None:
    newer = f"import sys as _sys\nif '{NEWER}' in _sys.version:\n    more = 1\n"
    check.wheel.files["tiny/__init__.py"] += newer.encode()
    assert check() == 1
    out = capsys.readouterr().out
    assert f"{OLDER}: FAILED: found no public names more; expected the same names under every CPython" in out
    assert "2 imported, 1 failed, 0 skipped" in out


def test_a_python_without_its_file_fails(check: Check, capsys: pytest.CaptureFixture) -> None:
    del check.wheel.files[f"tiny/plain.{soabi(NEWER)}.so"]
    assert check() == 1
    out = capsys.readouterr().out
    assert f"{NEWER}: FAILED: import tiny: found exit status 1; expected 0" in out
    assert "No module named 'tiny.plain'" in out


def test_an_interpreter_of_another_version_fails(check: Check, capsys: pytest.CaptureFixture) -> None:
    check.interpreters[NEWER] = INTERPRETERS[OLDER]
    assert check() == 1
    assert (
        f"found python{OLDER}; expected python{NEWER}; register an interpreter of that version"
        in capsys.readouterr().out
    )


def test_another_torch_than_required_fails(check: Check, capsys: pytest.CaptureFixture) -> None:
    check.wheel.requires_dist = ("torch==2.11.0",)
    assert check() == 1
    assert "found torch 2.14.0; expected torch==2.11.0, which the wheel requires" in capsys.readouterr().out


def test_a_torch_requirement_of_another_python_does_not_count(check: Check, capsys: pytest.CaptureFixture) -> None:
    check.wheel.requires_dist = ("torch==2.14.0", f'torch==2.11.0; python_version < "{OLDER}"')
    assert check() == 0
    check.wheel.requires_dist = (f'torch==2.11.0; python_version == "{NEWER}"', "torch==2.14.0")
    assert check("--work", str(check.directory / "again")) == 1
    out = capsys.readouterr().out
    assert f"{OLDER}: ok" in out
    assert f"{NEWER}: FAILED: import torch: found torch 2.14.0; expected torch==2.11.0" in out


def test_an_interpreter_that_is_not_there_fails(check: Check, capsys: pytest.CaptureFixture) -> None:
    check.interpreters[OLDER] = str(check.directory / "python")
    assert check() == 1
    out = capsys.readouterr().out
    assert f"{OLDER}: FAILED: {check.directory / 'python'} -m venv: found " in out
    assert "No such file or directory" in out
    assert "1 imported, 1 failed, 0 skipped" in out


def test_a_module_that_must_be_loaded(check: Check, capsys: pytest.CaptureFixture) -> None:
    assert check("--loaded=wave", "--loaded=tiny.plain") == 1
    out = capsys.readouterr().out
    assert "found wave not in sys.modules" in out
    assert "0 imported, 2 failed, 0 skipped" in out


def test_a_python_that_cannot_be_read_is_a_usage_error(check: Check, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as error:
        check("--python=cp312,3.12")
    assert error.value.code == 2
    assert "expected TAG,VERSION,INTERPRETER,PINS" in capsys.readouterr().err
