"""e2e/smoke, the module that the README shows: Bazel builds its wheel, its tests pass, and faults make them fail.

Bazel fetches the compiler, as it does for users, because the name of its repository is part of its programs. The other
large repositories are those of the outer Bazel.
"""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Iterator

import pytest
from bazel_in_bazel import Bazel, Run, Workspace, outer_repositories_of_dependent, runfile, scratch_directory

PYTHONS = ("3.12", "3.13")


@pytest.fixture(scope="module")
def bazel() -> Iterator[Bazel]:
    scratch = scratch_directory() / "smoke"
    Workspace.from_checkout(scratch / "rules")
    Workspace.from_checkout(scratch / "rules", runfile(os.environ["SMOKE"]))
    workspace = Workspace(scratch / "rules" / "e2e" / "smoke")
    shared = outer_repositories_of_dependent(runfile(os.environ["OUTER_REPOSITORIES"]), scratch / "shared")
    with Bazel(workspace, scratch / "base", options=[*shared, "--test_output=all"]) as bazel:
        yield bazel


@pytest.fixture(scope="module")
def passed(bazel: Bazel) -> Run:
    return bazel.run("test", "//...")


@contextlib.contextmanager
def edited(bazel: Bazel, name: str, old: str, new: str) -> Iterator[None]:
    """Replaces `old` by `new` in a file while the body runs."""
    bazel.workspace.edit(name, old, new)
    try:
        yield
    finally:
        bazel.workspace.edit(name, new, old)


def test_each_python_has_its_file_in_the_wheel(bazel: Bazel, passed: Run) -> None:
    assert len(passed.of("CppCompile")) == len(PYTHONS)
    (wheel,) = (path for path in passed.outputs("ExtensionWheel") if path.endswith(".whl"))
    assert wheel.endswith("/my_ops-1.0-cp312.cp313-cp312.cp313-manylinux_2_28_x86_64.whl")
    with zipfile.ZipFile(bazel.output(wheel)) as archive:
        names = archive.namelist()
    assert sorted(name for name in names if not name.startswith("my_ops-1.0.dist-info/")) == [
        "my_ops/_C.cpython-312-x86_64-linux-gnu.so",
        "my_ops/_C.cpython-313-x86_64-linux-gnu.so",
        "my_ops/__init__.py",
    ]


def test_its_own_tests_pass(passed: Run) -> None:
    assert "Executed 2 out of 2 tests: 2 tests pass." in passed.output
    for python in PYTHONS:
        assert f"{python}: ok: _C.cpython-{python.replace('.', '')}-x86_64-linux-gnu.so, torch 2.14.0" in passed.output
    assert "2 imported, 0 failed, 0 skipped" in passed.output
    assert "my_ops-1.0-cp312.cp313-cp312.cp313-manylinux_2_28_x86_64.whl: clean" in passed.output


def test_a_wheel_that_does_not_import(bazel: Bazel, passed: Run) -> None:
    with edited(bazel, "my_ops/__init__.py", "import sum_of_squares\n", "import sum_of_cubes\n"):
        run = bazel.run("test", "//...", status=3)
    assert not run.of("CppCompile"), "an edit of the package alone"
    for python in PYTHONS:
        assert f"{python}: FAILED: import my_ops: found exit status 1; expected 0" in run.output
    assert "cannot import name 'sum_of_cubes'" in run.output
    assert "1 test passes and 1 fails" in run.output


def test_a_python_that_nothing_is_known_of(bazel: Bazel, passed: Run) -> None:
    with edited(bazel, "pyproject.toml", ">=3.12,<3.14", ">=3.99"):
        run = bazel.build("//:my_ops_wheel", status=None)
    assert run.status != 0
    assert 'requires-python is ">=3.99", which admits no CPython from' in run.output


def test_a_module_of_another_name(bazel: Bazel, passed: Run) -> None:
    with edited(bazel, "my_ops.cc", "PYBIND11_MODULE(TORCH_EXTENSION_NAME,", "PYBIND11_MODULE(my_ops,"):
        run = bazel.build("//:my_ops_wheel", status=1)
    assert "found PyInit_my_ops among the exported symbols; expected PyInit__C, since module_name is _C" in run.output
