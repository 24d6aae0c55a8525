"""e2e/smoke on a machine without Debian: the compiler and the CPythons come out of a snapshot archive's packages.

torch is the outer Bazel's. Not a part of `//...`: it takes minutes, and test_debian_packages.py has the single cases.
"""

from __future__ import annotations

import os

from bazel_in_bazel import Workspace, outer_repositories_of_dependent, runfile, scratch_directory
from debian_server import serve, snapshot_options
from without_debian import bazel_without_debian

PYTHONS = ("3.13", "3.14")


def test_smoke() -> None:
    scratch = scratch_directory() / "smoke_without_debian"
    Workspace.from_checkout(scratch / "rules")
    Workspace.from_checkout(scratch / "rules", runfile(os.environ["SMOKE"]))
    workspace = Workspace(scratch / "rules/e2e/smoke")
    # CPythons that this machine does not have on the PATH, and Debian has.
    workspace.edit("pyproject.toml", ">=3.12,<3.14", ">=3.13,<3.15")
    archive = runfile(os.environ["ARCHIVE"].split(" ")[0])
    options = outer_repositories_of_dependent(runfile(os.environ["OUTER_REPOSITORIES"]), scratch / "shared")
    with serve(next(path.parent for path in archive.parents if path.name == "pool")) as server:
        with bazel_without_debian(
            workspace,
            scratch / "base",
            environment={"PATH": "/usr/bin:/bin", "RULES_DEEPGEMM_DEBIAN_MIRROR": None},
            options=[*options, "--test_output=all", "--repository_cache="],
        ) as bazel:
            run = bazel.run("test", "//...", *snapshot_options(server, bazel.base))
        assert server.prefixes() == {"archive"}
    assert len(run.of("CppCompile")) == len(PYTHONS)
    assert all("deepgemm_gcc/gcc/usr/bin/gcc" in spawn.arguments[0] for spawn in run.of("CppCompile"))
    assert "Executed 2 out of 2 tests: 2 tests pass." in run.output
    for python in PYTHONS:
        assert f"{python}: ok: _C.cpython-{python.replace('.', '')}-x86_64-linux-gnu.so, torch 2.14.0" in run.output
