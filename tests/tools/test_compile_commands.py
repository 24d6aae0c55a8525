"""compile_commands.json of a real workspace: each command is run, as a language server would read it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from bazel_in_bazel import Workspace, scratch_directory, which_bazel

_MODULE = """\
module(name = "user")
bazel_dep(name = "rules_cc", version = "0.0.11")
bazel_dep(name = "other")
local_path_override(module_name = "other", path = "other")
"""
_LOAD = 'load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library")\n'
_FILES = {
    "MODULE.bazel": _MODULE,
    "BUILD.bazel": _LOAD
    + 'genrule(name = "made", outs = ["made.h"], cmd = "echo \'#define MADE 1\' > $@")\n'
    + '[cc_binary(name = "user" + n, srcs = ["src/user.cc", "made.h"], deps = ["@other//:other"])'
    + ' for n in ["1", "2"]]\n',
    "src/user.cc": '#include "made.h"\n#include <other/other.h>\nint main() { return OTHER - MADE; }\n',
    "other/MODULE.bazel": 'module(name = "other")\nbazel_dep(name = "rules_cc", version = "0.0.11")\n',
    "other/BUILD.bazel": _LOAD
    + 'cc_library(name = "other", srcs = ["other.cc"], hdrs = ["include/other/other.h"], includes = ["include"],'
    + ' visibility = ["//visibility:public"])\n',
    "other/include/other/other.h": "#define OTHER 1\n",
    "other/other.cc": "#include <other/other.h>\n",
}


@pytest.fixture(scope="module")
def workspace() -> Iterator[Path]:
    base = scratch_directory() / "compile_commands"
    made = Workspace.from_files(base / "workspace", _FILES)
    made.write(".bazelrc", f"startup --output_base={base / 'o'} --max_idle_secs=60 --host_jvm_args=-Xmx1g\n")
    yield made.root
    _bazel(made.root, "shutdown")


def _environment(workspace: Path) -> dict[str, str]:
    return {**os.environ, "BUILD_WORKSPACE_DIRECTORY": str(workspace), "HOME": str(workspace.parent)}


def _bazel(workspace: Path, *arguments: str) -> None:
    subprocess.run([which_bazel(), *arguments], cwd=workspace, env=_environment(workspace), check=True)


def _run(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [os.path.abspath(os.environ["PROGRAM"]), *arguments],
        env=_environment(workspace),
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_command_finds_its_headers(workspace: Path) -> None:
    result = _run(workspace)
    assert (result.returncode, result.stdout) == (0, "wrote compile_commands.json: 2 sources\n"), result.stderr
    # What is generated is there once it has been built; then links of the last build are gone.
    _bazel(workspace, "build", "//...")
    _bazel(workspace, "build", "@other//:other")
    entries = json.loads((workspace / "compile_commands.json").read_text())
    assert [entry["file"] for entry in entries] == [str(workspace / "other/other.cc"), str(workspace / "src/user.cc")]
    for entry in entries:
        assert entry["directory"] == str(workspace)
        # Nothing is written: neither the object nor the list of headers that were read (-MD -MF FILE).
        arguments = [option for option in entry["arguments"] if option != "-MD"]
        at = arguments.index("-MF")
        del arguments[at : at + 2]
        command = [*arguments[: arguments.index("-c")], "-fsyntax-only"]
        subprocess.run([*command, entry["file"]], cwd=entry["directory"], check=True)


def test_some_targets_alone(workspace: Path) -> None:
    result = _run(workspace, "--compilation_mode=dbg", "@other//:other")
    assert result.stdout == "wrote compile_commands.json: 1 sources\n", result.stderr
    (entry,) = json.loads((workspace / "compile_commands.json").read_text())
    assert "-g" in entry["arguments"]


def test_an_unknown_target(workspace: Path) -> None:
    result = _run(workspace, "//:absent")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: bazel aquery failed: ERROR: ")
    assert "no such target '//:absent'" in result.stderr
