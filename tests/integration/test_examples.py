"""An example is built and tested as it stands, by the command that examples/README.md gives. $EXAMPLE is its archive.

Bazel fetches the compiler and the example's own repositories. The other large repositories are those of the outer
Bazel.
"""

from __future__ import annotations

import os

from bazel_in_bazel import Bazel, Workspace, outer_repositories_of_dependent, runfile, scratch_directory

PYTHONS = ("3.12", "3.13")


def test_its_own_tests_pass() -> None:
    archive, scratch = runfile(os.environ["EXAMPLE"]), scratch_directory() / "example"
    Workspace.from_checkout(scratch / "rules")
    Workspace.from_checkout(scratch / "rules", archive)
    workspace = Workspace(scratch / "rules" / "examples" / archive.stem)
    shared = outer_repositories_of_dependent(runfile(os.environ["OUTER_REPOSITORIES"]), scratch / "shared")
    with Bazel(workspace, scratch / "base", options=[*shared, "--test_output=all"]) as bazel:
        run = bazel.run("test", "//...")
    tests, imports = os.environ["TESTS"], int(os.environ["IMPORTS"])
    assert f"Executed {tests} out of {tests} tests: {tests} tests pass." in run.output
    for python in PYTHONS:
        assert run.output.count(f"{python}: ok: ") == imports
    print(f"{run.seconds:.0f} s, {len(run.of('CppCompile'))} compiles")
