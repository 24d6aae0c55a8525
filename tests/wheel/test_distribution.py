"""`pip install tools/wheel`: the build leaves the source tree as it is, and the commands run from what is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PYPROJECT = Path(os.environ["PYPROJECT"])
COMMANDS = ("wheel-build", "wheel-check", "wheel-overlay")


def run_python(path: list[str], program: str, directory: Path) -> str:
    """What a program prints that finds its modules on `path`, however isolated this Python is."""
    program = f"import sys; sys.path[:] = {path!r}\n{program}"
    run = subprocess.run([sys.executable, "-c", program], cwd=directory, check=True, capture_output=True, text=True)
    return run.stdout


def files_below(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that the build backend makes of a copy of the source tree, as pip has it made."""
    source = tmp_path_factory.mktemp("source") / "wheel"
    shutil.copytree(PYPROJECT.parent, source, ignore=shutil.ignore_patterns("__pycache__", "BUILD.bazel"))
    before = files_below(source)
    out = tmp_path_factory.mktemp("out")
    name = run_python(sys.path, f"from flit_core.buildapi import build_wheel; print(build_wheel({str(out)!r}))", source)
    assert files_below(source) == before
    return out / name.strip()


def test_every_module_and_the_data_are_in_the_wheel(wheel: Path):
    expected = {f"wheel_tools/{path}" for path in files_below(PYPROJECT.parent / "wheel_tools")}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name for name in names if name.startswith("wheel_tools/")} == {
        path for path in expected if (PYPROJECT.parent / path).is_file()
    }
    assert "wheel_tools/data/cpython_symbols.json" in names


def test_the_commands_run(wheel: Path, tmp_path: Path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    installed = [str(tmp_path), *(path for path in sys.path if not (Path(path) / "wheel_tools").is_dir())]
    program = f"""
import contextlib, importlib.metadata, io
import wheel_tools
assert wheel_tools.__file__.startswith({str(tmp_path)!r}), wheel_tools.__file__
for entry in importlib.metadata.distribution("deepgemm-wheel-tools").entry_points:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        try:
            entry.load()(["--help"])
        except SystemExit as end:
            assert end.code == 0
    print(entry.name, text.getvalue().split()[1])
"""
    lines = run_python(installed, program, tmp_path).splitlines()
    assert sorted(lines) == [f"{command} {command}" for command in COMMANDS]
