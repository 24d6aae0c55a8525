"""Writes compile_commands.json, which clangd and other language servers read, into the workspace's root directory.

    bazel run //tools:compile_commands                          all targets
    bazel run //tools:compile_commands -- //:deep_gemm_C.cp312
    bazel run //tools:compile_commands -- --config=dev //:deep_gemm_C
    bazel run @rules_deepgemm//tools:compile_commands           in another workspace

The commands come from Bazel's action graph (`bazel aquery`); nothing is built. A source that is compiled for several
CPythons gets the command of the first one. Headers of other repositories have their paths in Bazel's output base, where
an editor can open them once Bazel has fetched them.

Format: https://clang.llvm.org/docs/JSONCompilationDatabase.html. Exit code: 0; 1 with one line on standard error.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bazel.fetch import command
from bazel.fetch.command import CommandError

# An argument that is a path, or an option and its path without a space between them.
_PATH = re.compile(r"^(-I|-iquote|-isystem|-B|-L|--sysroot=|)(external|bazel-out)/")


def entries(graph: Mapping, workspace: Path, roots: Mapping[str, Path]) -> list[dict]:
    """Returns one entry for each source of the graph that `aquery --output=jsonproto` prints.

    `roots` has the real directories of `external` and `bazel-out`: each build replaces the links to them in Bazel's
    execution root.
    """
    found: dict[str, dict] = {}
    for action in graph.get("actions", []):
        arguments = [
            _PATH.sub(lambda match: f"{match[1]}{roots[match[2]]}/", argument) for argument in action["arguments"]
        ]
        source = arguments[arguments.index("-c") + 1]
        if source.startswith(f"{roots['external']}/bazel_tools/"):
            continue
        # The real path: a repository may link to a checkout, where the source is edited.
        file = os.path.realpath(workspace / source)
        found.setdefault(file, {"directory": str(workspace), "file": file, "arguments": arguments})
    return [found[file] for file in sorted(found)]


def _bazel(workspace: Path, *arguments: str) -> str:
    program = os.environ.get("RULES_DEEPGEMM_BAZEL") or shutil.which("bazel")
    if not program:
        raise CommandError("there is no bazel on the PATH: put one there, or name one with RULES_DEEPGEMM_BAZEL")
    result = subprocess.run([program, *arguments], cwd=workspace, capture_output=True, text=True, check=False)
    if result.returncode:
        first = result.stderr[max(result.stderr.find("ERROR: "), 0) :]
        raise CommandError(f"bazel {arguments[0]} failed: {' '.join(first.split())[:600]}")
    return result.stdout


def write(workspace: Path, options: Sequence[str], targets: Sequence[str]) -> None:
    """Writes the commands of `targets` and their dependencies. `options` are Bazel's."""
    expression = f'mnemonic("CppCompile", deps({" + ".join(targets)}))'
    graph = _bazel(workspace, "aquery", "--output=jsonproto", "--include_artifacts=false", *options, expression)
    base, execution_root = (Path(_bazel(workspace, "info", name).strip()) for name in ("output_base", "execution_root"))
    roots = {"external": base / "external", "bazel-out": execution_root / "bazel-out"}
    written = entries(json.loads(graph), workspace, roots)
    (workspace / "compile_commands.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    print(f"wrote compile_commands.json: {len(written)} sources")


def main(argv: Sequence[str]) -> int:
    """Runs the command line, options of Bazel and targets, and returns the exit status."""
    options = [argument for argument in argv if argument.startswith("-")]
    targets = [argument for argument in argv if not argument.startswith("-")] or ["//..."]

    def act(_: argparse.Namespace) -> None:
        if "BUILD_WORKSPACE_DIRECTORY" not in os.environ:
            raise CommandError("this was not started by Bazel: use `bazel run //tools:compile_commands`")
        write(Path(os.environ["BUILD_WORKSPACE_DIRECTORY"]), options, targets)

    return command.run(argparse.ArgumentParser(), act, [])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
