"""The real CPythons of the matrix: their interpreters, their headers, and an extension compiled with these headers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bazel.fetch.platforms import CPUS
from bazel.pythons import discover

PYTHONS = json.loads(os.environ["PYTHONS"])
TAGS = list(PYTHONS)


def runfile(path: str) -> Path:
    return Path(os.environ["RUNFILES_DIR"], path)


def run(python: Path, code: str, path: Path) -> subprocess.CompletedProcess:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(path)}
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, env=environment)


@pytest.fixture(params=TAGS)
def tag(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def python(tag: str) -> Path:
    return runfile(PYTHONS[tag]["interpreter"])


@pytest.fixture
def include(tag: str) -> list[Path]:
    return [runfile(path) for path in PYTHONS[tag]["headers"].split(" ")]


def import_under(python: Path, built_for: str, directory: Path) -> subprocess.CompletedProcess:
    """Imports the extension that was built for a Python, under its SOABI, with any Python."""
    shutil.copy(runfile(PYTHONS[built_for]["extension"]), directory / f"abi_probe.{PYTHONS[built_for]['soabi']}.so")
    return run(python, "import abi_probe, sys; print(abi_probe.version_hex(), sys.hexversion)", directory)


def test_it_is_the_cpython_that_it_is_said_to_be(tag: str, python: Path) -> None:
    found = discover.probe(str(python))
    discover.check(found, PYTHONS[tag]["version"], CPUS["x86_64"])
    assert found.soabi == PYTHONS[tag]["soabi"]


def test_an_extension_compiled_with_its_headers_imports(tag: str, python: Path, tmp_path: Path) -> None:
    result = import_under(python, tag, tmp_path)
    assert result.returncode == 0, result.stderr
    compiled, running = map(int, result.stdout.split())
    assert compiled == running, "the headers are of another release than the interpreter"


def test_another_pythons_extension_is_not_seen(tag: str, python: Path, tmp_path: Path) -> None:
    for other in TAGS:
        if other != tag:
            result = import_under(python, other, tmp_path)
            assert "No module named 'abi_probe'" in result.stderr


def test_headers_are_cpythons_alone(include: list[Path]) -> None:
    names = [path.name for path in include]
    assert names.count("Python.h") == 1
    assert names.count("pyconfig.h") == 1
    assert {path.suffix for path in include} == {".h"}
    # libc's and other libraries' would come before those of the compiler's own sysroot.
    assert not {"stdio.h", "features.h", "zlib.h", "expat.h", "pybind11.h"} & set(names)


def test_headers_lie_in_the_repository(include: list[Path]) -> None:
    for path in include:
        assert "/external/" in str(path.resolve()), f"{path} is a link to {path.resolve()}"


def test_headers_name_no_path_of_the_machine(python: Path, include: list[Path]) -> None:
    prefix = discover.probe(str(python)).prefix
    for path in include:
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not re.search(r"(?<!\w)/(home|root|Users|build|tmp|opt)/", text), path
        if prefix != "/usr":
            assert prefix not in text, path


def test_pyconfig_has_the_definitions(include: list[Path]) -> None:
    (pyconfig,) = (path for path in include if path.name == "pyconfig.h")
    text = pyconfig.read_text(encoding="utf-8")
    assert re.search(r"^#define SIZEOF_LONG 8$", text, re.MULTILINE)
    assert "/pyconfig.h>" not in text
