"""Writes compile_commands.json, which clangd and other language servers read, at the workspace's root.

    bazel run //tools:compile_commands                          of everything
    bazel run //tools:compile_commands -- //:deep_gemm_C.cp312
    bazel run //tools:compile_commands -- --config=dev //:deep_gemm_C
    bazel run @rules_deepgemm//tools:compile_commands           in another workspace

The commands are those of Bazel's own action graph (`bazel aquery`): nothing is built. Of a source that is compiled for
several CPythons the first command is taken. Headers of other repositories are named where Bazel keeps them, so that an
editor opens them; they are there once they have been fetched.

Format: https://clang.llvm.org/docs/JSONCompilationDatabase.html. Exit code: 0; 1 with one line on standard error.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# Where an argument begins with a path: at its start, or after the options that take one without a space.
_PATH = re.compile(r"^(-I|-iquote|-isystem|-B|-L|--sysroot=|)(external|bazel-out)/")


class CommandsError(Exception):
    """Why there is no file; one line."""


def entries(graph: Mapping, workspace: Path, roots: Mapping[str, Path]) -> list[dict]:
    """One entry a source, out of what `aquery --output=jsonproto` says.

    `roots` says where the directories `external` and `bazel-out` lie: the links at Bazel's own working directory come
    and go with every build.
    """
    found: dict[str, dict] = {}
    for action in graph.get("actions", []):
        arguments = [
            _PATH.sub(lambda match: f"{match[1]}{roots[match[2]]}/", argument) for argument in action["arguments"]
        ]
        source = arguments[arguments.index("-c") + 1]
        if source.startswith(f"{roots['external']}/bazel_tools/"):
            continue  # Bazel's own
        # A source in a checkout that a repository links to is opened there.
        file = os.path.realpath(workspace / source)
        found.setdefault(file, {"directory": str(workspace), "file": file, "arguments": arguments})
    return [found[file] for file in sorted(found)]


def _bazel(workspace: Path, *arguments: str) -> str:
    program = os.environ.get("RULES_DEEPGEMM_BAZEL") or shutil.which("bazel")
    if not program:
        raise CommandsError("there is no bazel on the PATH, and RULES_DEEPGEMM_BAZEL names none: put one there")
    result = subprocess.run([program, *arguments], cwd=workspace, capture_output=True, text=True, check=False)
    if result.returncode:
        first = result.stderr[max(result.stderr.find("ERROR: "), 0) :]
        raise CommandsError(f"bazel {arguments[0]} failed: {' '.join(first.split())[:600]}")
    return result.stdout


def main(argv: Sequence[str]) -> int:
    if "BUILD_WORKSPACE_DIRECTORY" not in os.environ:
        print("error: start this with `bazel run //tools:compile_commands`", file=sys.stderr)
        return 1
    workspace = Path(os.environ["BUILD_WORKSPACE_DIRECTORY"])
    options = [argument for argument in argv if argument.startswith("-")]
    targets = [argument for argument in argv if not argument.startswith("-")] or ["//..."]
    expression = f'mnemonic("CppCompile", deps({" + ".join(targets)}))'
    try:
        graph = _bazel(workspace, "aquery", "--output=jsonproto", "--include_artifacts=false", *options, expression)
        base, execution_root = (
            Path(_bazel(workspace, "info", name).strip()) for name in ("output_base", "execution_root")
        )
        roots = {"external": base / "external", "bazel-out": execution_root / "bazel-out"}
        written = entries(json.loads(graph), workspace, roots)
        (workspace / "compile_commands.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    except (CommandsError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote compile_commands.json: {len(written)} sources")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
