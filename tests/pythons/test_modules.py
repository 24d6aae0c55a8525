"""The module extension from a module of a user's own: what it makes, and its errors, with Bazel in Bazel.

Only `bazel query` runs in it: nothing is compiled.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from bazel_in_bazel import which_bazel

_MODULE = """\
module(name = "user")
bazel_dep(name = "rules_deepgemm", version = "0.1.0")
local_path_override(module_name = "rules_deepgemm", path = "{project}")
pythons = use_extension("@rules_deepgemm//bazel:extensions.bzl", "pythons")
use_repo(pythons, "deepgemm_pythons")
"""
# Headers for which no compiler has to be registered.
_PACKAGE = {
    "headers.bzl": """\
def _headers_impl(ctx):
    return [CcInfo(compilation_context = cc_common.create_compilation_context(headers = depset(ctx.files.hdrs)))]

headers = rule(implementation = _headers_impl, attrs = {"hdrs": attr.label_list(allow_files = True)})
""",
    "BUILD.bazel": """\
load(":headers.bzl", "headers")
[
    headers(name = name, hdrs = ["Python.h"], visibility = ["//visibility:public"])
    for name in ["headers", "headers_aarch64"]
]
""",
}
_VERSIONS = "@deepgemm_pythons//:all"
_MINOR = ".".join(map(str, sys.version_info[:2]))
_TAG = "cp" + _MINOR.replace(".", "")

Query = Callable[..., "subprocess.CompletedProcess[str]"]


def runfile(path: str) -> Path:
    return Path(os.environ["RUNFILES_DIR"], path).resolve()


@pytest.fixture(scope="module")
def query() -> Iterator[Query]:
    """Runs `bazel query TARGETS` in a module whose MODULE.bazel ends with the given lines."""
    base = Path(os.environ["TEST_TMPDIR"], "modules")
    workspace = base / "workspace"
    (workspace / "t").mkdir(parents=True)
    for name, text in _PACKAGE.items():
        (workspace / "t" / name).write_text(text, encoding="utf-8")
    (workspace / "BUILD.bazel").touch()
    (base / "home").mkdir()
    project = runfile("_main/bazelw").parent
    startup = [which_bazel(), f"--output_base={base}/o", "--host_jvm_args=-Xmx1g", "--max_idle_secs=60"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(base / "home"), "USER": "somebody", "LC_ALL": "C.UTF-8"}

    def run(
        lines: str,
        targets: str = _VERSIONS,
        pyproject: str = "",
        options: Sequence[str] = (),
        command: str = "query",
    ) -> subprocess.CompletedProcess[str]:
        text = _MODULE.format(project=project) + lines + "\n"
        (workspace / "MODULE.bazel").write_text(text, encoding="utf-8")
        (workspace / "pyproject.toml").write_text(pyproject, encoding="utf-8")
        flags = ["--noenable_workspace", "--lockfile_mode=off", "--color=no", "--curses=no"]
        return subprocess.run(
            [*startup, command, *flags, *options, targets],
            cwd=workspace,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    yield run
    subprocess.run([*startup, "shutdown"], cwd=workspace, env=environment, capture_output=True, check=False)


def tags(result: subprocess.CompletedProcess[str]) -> list[str]:
    """The tags of the Pythons that the hub has."""
    assert result.returncode == 0, result.stderr
    names = [line.rpartition(":")[2] for line in result.stdout.splitlines()]
    return sorted((name for name in names if name.startswith("cp") and "_" not in name), key=lambda tag: int(tag[3:]))


def test_the_root_modules_requires_counts(query: Query) -> None:
    assert tags(query('pythons.requires(specifier = ">=3.9,!=3.11.*,<3.13")')) == ["cp39", "cp310", "cp312"]


def test_no_python_runs_for_it(query: Query) -> None:
    found = query('pythons.requires(specifier = "~=3.12")', options=["--repo_env=RULES_DEEPGEMM_PYTHON=/nonexistent"])
    assert tags(found)[0] == "cp312"


def test_without_one_the_rulesets_own_counts(query: Query) -> None:
    assert tags(query("")) == ["cp311", "cp312", "cp313", "cp314"]


def test_an_edit_of_the_pyproject_is_noticed(query: Query) -> None:
    for newest in (12, 13):
        found = query(
            'pythons.requires(pyproject = "//:pyproject.toml")',
            pyproject=f'[project]\nname = "x"\nrequires-python = ">=3.12,<=3.{newest}"\n',
        )
        assert tags(found) == [f"cp3{minor}" for minor in range(12, newest + 1)]


def _only(named: str) -> str:
    return f"--repo_env=RULES_DEEPGEMM_ONLY_PYTHON={named}"


def test_one_python_for_development(query: Query, tmp_path: Path) -> None:
    interpreter = runfile(os.environ["PYTHON"])
    every = [f"cp3{minor}" for minor in range(11, 15)]
    assert tags(query("", options=[_only("3.12")])) == ["cp312"]
    assert tags(query("")) == every
    assert tags(query("", options=[_only(str(interpreter))])) == [_TAG]
    assert tags(query("", options=[_only("3.14, 3.11")])) == ["cp311", "cp314"]
    # As an activated virtual environment does it: what is found follows the PATH.
    for directory, minor in (("a", 11), ("b", 14)):
        (tmp_path / directory).mkdir()
        script = tmp_path / directory / "python3"
        script.write_text(f"#!/bin/sh\necho 3.{minor}\n")
        script.chmod(0o755)
        path = f"--repo_env=PATH={tmp_path / directory}:{os.environ['PATH']}"
        named = f"--repo_env=RULES_DEEPGEMM_PYTHON={interpreter}"
        assert tags(query("", options=[_only("python3"), path, named])) == [f"cp3{minor}"]


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("3.10", "asks for 3.10; expected one that Requires-Python <3.15,>=3.11 admits: 3.11, 3.12, 3.13, 3.14."),
        ("3.11,3.10", "asks for 3.10; expected one that Requires-Python"),
        ("3.11,", "is '', which is not on the PATH; expected an interpreter or a version"),
        ("python-of-nobody", "is 'python-of-nobody', which is not on the PATH; expected an interpreter or a version"),
        ("false", "is 'false', which does not run as a Python (exit code 1)"),
    ],
)
def test_one_python_that_will_not_do(query: Query, named: str, says: str) -> None:
    result = query("", options=[_only(named)])
    assert result.returncode != 0
    assert f"RULES_DEEPGEMM_ONLY_PYTHON {says}" in result.stderr


def test_named_headers_need_no_python(query: Query) -> None:
    found = query(
        'pythons.requires(specifier = ">=3.8,<3.9")\n'
        'pythons.toolchain(python_version = "3.8", headers = "//t:headers")',
        "deps(@deepgemm_pythons//:cp38, 2)",
    )
    assert found.returncode == 0, found.stderr
    assert "//t:headers" in found.stdout.splitlines()


_AARCH64 = ["--platforms=@rules_deepgemm//bazel/platforms:linux_aarch64"]


def test_the_python_is_that_of_the_target_platform(query: Query) -> None:
    lines = (
        'pythons.requires(specifier = ">=3.12,<3.14")\n'
        'pythons.toolchain(python_version = "3.12", cpu = "x86_64", headers = "//t:headers")\n'
        'pythons.toolchain(python_version = "3.13", cpu = "x86_64", headers = "//t:headers")\n'
        'pythons.toolchain(python_version = "3.13", cpu = "aarch64", headers = "//t:headers_aarch64")'
    )
    for options, headers in (([], "//t:headers ("), (_AARCH64, "//t:headers_aarch64 (")):
        found = query(lines, "deps(@deepgemm_pythons//:cp313)", options=options, command="cquery")
        assert found.returncode == 0, found.stderr
        assert found.stdout.count("//t:headers") == found.stdout.count(headers) == 1
    # A query without a platform sees all of them, and no error.
    assert query(lines, "deps(@deepgemm_pythons//:cp312)").returncode == 0
    missing = query(lines, "@deepgemm_pythons//:cp312", options=_AARCH64, command="cquery")
    assert missing.returncode != 0
    for text in (
        "no CPython 3.12 for the target platform's CPU. aarch64: no pythons.toolchain has python_version = '3.12'",
        "Debian's packages are 3.11, 3.13, 3.14, 3.15. Register one with one of these tags",
        "leave it out: --repo_env=RULES_DEEPGEMM_ONLY_PYTHON=3.13",
    ):
        assert text in missing.stderr


def test_a_named_interpreter_is_taken(query: Query) -> None:
    found = query(
        f'pythons.requires(specifier = "=={_MINOR}.*", sources = ["debian"])\n'
        f'pythons.toolchain(python_version = "{_MINOR}", interpreter_path = "{runfile(os.environ["PYTHON"])}")',
        f"deps(@deepgemm_pythons//:{_TAG})",
        # As somebody may have it, and as Bazel's own Python programs have it when they start Bazel.
        options=["--repo_env=PYTHONSAFEPATH=1"],
    )
    assert found.returncode == 0, found.stderr
    assert f"include/python{_MINOR}/Python.h" in found.stdout


def test_registered_pythons(query: Query) -> None:
    """Those of rules_python, but for what another tag names; the rules_python of these tests is too old for it."""
    lines = (
        'pythons.requires(specifier = ">=3.7,<3.10")\n'
        'pythons.toolchain(python_version = "3.8", headers = "//t:headers")\n'
        'pythons.registered(python_versions = ["3.8", "3.9.1"])'
    )
    named = query(lines, "deps(@deepgemm_pythons//:cp38)", command="cquery")
    assert named.returncode == 0, named.stderr
    assert "//t:headers (" in named.stdout
    registered = query(lines, "deps(@deepgemm_pythons//:cp39)")
    assert registered.returncode != 0
    assert "CPython 3.9: the rules_python of this build is too old; expected 0.33 or newer" in registered.stderr
    looked_for = query(lines, "deps(@deepgemm_pythons//:cp37)")
    assert "too old" not in looked_for.stderr


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('pythons.requires(specifier = ">=3.99")', "admits no CPython from"),
        (
            'pythons.requires(specifier = ">=3.11, 3.14")',
            "pythons.requires is \">=3.11, 3.14\", and '3.14' is no version specifier (PEP 440); write one such as",
        ),
        ('pythons.requires(specifier = " ")', "pythons.requires is empty; say which Pythons it admits"),
        ('pythons.requires(pyproject = "//:pyproject.toml")', "//:pyproject.toml has no [project].requires-python"),
        ("pythons.requires()", "found neither pyproject nor specifier; expected one of them"),
        (
            'pythons.requires(specifier = ">=3.11", pyproject = "//:pyproject.toml")',
            "found both pyproject and specifier; expected",
        ),
        (
            'pythons.requires(specifier = ">=3.11", sources = ["conda"])',
            "sources has 'conda'; expected machine or debian",
        ),
        (
            'pythons.requires(specifier = ">=3.11")\npythons.requires(specifier = ">=3.12")',
            "Requires-Python is written once",
        ),
        ('pythons.toolchain(python_version = "2.7", headers = "//t:headers")', "'2.7' is no CPython 3 version"),
        ('pythons.toolchain(python_version = "3.12")', "3.12 names nothing"),
        ('pythons.registered(python_versions = ["2.7"])', "pythons.registered in module user: '2.7' is no CPython 3"),
        ("pythons.registered()\npythons.registered()", "has 2 pythons.registered tags; expected one"),
        (
            'pythons.toolchain(python_version = "3.12.1", headers = "//t:headers")\n'
            'pythons.toolchain(python_version = "3.12.4", interpreter_path = "/usr/bin/python3.12")',
            "3.12.1 and 3.12.4 have one SOABI",
        ),
        (
            'pythons.toolchain(python_version = "3.12", cpu = "aarch64", interpreter_path = "/x/python3")',
            "3.12 for aarch64 has no headers; expected them: an interpreter of another CPU",
        ),
        (
            'pythons.toolchain(python_version = "3.12", headers = "//t:headers", interpreter_path = "/x/python3")',
            "has both headers and interpreter_path",
        ),
    ],
)
def test_bad_tags(query: Query, lines: str, says: str) -> None:
    result = query(lines)
    assert result.returncode != 0
    assert says in result.stderr


def test_a_python_that_is_nowhere(query: Query) -> None:
    result = query('pythons.requires(specifier = "==3.8.*", sources = ["debian"])', "deps(@deepgemm_pythons//:cp38)")
    assert result.returncode != 0
    assert "no CPython 3.8 with headers was found. Looked at:\n  Debian: " in result.stderr
    assert 'pythons.toolchain(python_version = "3.8"' in result.stderr


def test_a_named_interpreter_that_is_none(query: Query) -> None:
    result = query(
        'pythons.requires(specifier = "==3.12.*")\n'
        'pythons.toolchain(python_version = "3.12", interpreter_path = "/nonexistent/python3")',
        "deps(@deepgemm_pythons//:cp312)",
    )
    assert result.returncode != 0
    assert "/nonexistent/python3, named for CPython 3.12, does not run (No such file or directory)" in result.stderr


def test_an_installed_torch_is_for_the_cpu_of_the_machine(query: Query) -> None:
    lines = """\
torch = use_extension("@rules_deepgemm//bazel:extensions.bzl", "torch")
torch.local(name = "installed")
use_repo(torch, "installed")"""
    platform = "--platforms=@rules_deepgemm//bazel/platforms:linux_aarch64"
    found = query(lines, "@installed//:sdk", options=[platform], command="cquery")
    assert found.returncode != 0
    assert "@installed is for this machine's CPU, x86_64; expected a target platform with" in found.stderr
    assert "take torch from wheels, with torch.wheel" in found.stderr
