"""A clone of this project for two CPythons, in which tests may edit every input, and one Bazel server for all edits.

Tests edit copies. DeepGEMM's source is a checkout (`deepgemm.local`). Every other repository is a tree of links to the
outer Bazel's repository, in which the edited files are regular files. The inner Bazel fetches nothing and does not
write into the outer one's repositories.

Compiles add `-O0 -Wfatal-errors`: which actions run does not depend on these options, and the tests share two cores
with other work. A disk cache makes undoing an edit free.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from base_wheel import edited_wheel
from bazel_in_bazel import Bazel, Run, Spawn, Workspace, outer_repositories, runfile

EXTENSION = "//:deep_gemm_C"
DEEPGEMM_WHEEL = "//:deep_gemm_wheel"
WHEEL = "//:vllm_wheel"
PRODUCTS = (WHEEL,)
PYTHONS = ("cp312", "cp313")
MATRIX, WIDER_MATRIX = "<3.14,>=3.12", "<3.15,>=3.12"
_QUICK = "--per_file_copt=.*python_api.*@-O0,-Wfatal-errors"


def own(root: Path, inside: str) -> Path:
    """Turns `root/inside` in a tree of links into a regular file, and its parents into directories."""
    path = root
    for part in Path(inside).parts:
        path = path / part
        if path.is_symlink():
            target = path.resolve()
            path.unlink()
            if target.is_dir():
                links(target, path)
            else:
                shutil.copyfile(target, path)
    return path


def links(original: Path, copy: Path) -> None:
    """A directory with a link to each entry of `original`."""
    copy.mkdir(parents=True)
    for entry in os.scandir(original):
        (copy / entry.name).symlink_to(entry.path)


class Project:
    """The clone, its Bazel, and the paths of the files that tests edit.

    Args:
        scratch: a directory for the clone, the copies and the output base.
    """

    def __init__(self, scratch: Path) -> None:
        outer = {}
        for option in outer_repositories(runfile(os.environ["OUTER_REPOSITORIES"])):
            canonical, _, directory = option.partition("=")[2].partition("=")
            outer[canonical] = Path(directory)
        self._canonical = {re.split("[~+]", canonical)[-1]: canonical for canonical in outer}
        self._copies = scratch / "copies"
        self.workspace = Workspace.from_checkout(scratch / "project")

        # DeepGEMM's source as a checkout, with one header that no file includes.
        self.source = scratch / "DeepGEMM"
        shutil.copytree(outer[self._canonical["deepgemm_src"]] / "src", self.source)
        (self.source / "csrc/utils/nothing_includes_this.hpp").write_text("#pragma once\n")
        # A header beside the sources that no target declares.
        (self.source / "undeclared").mkdir()
        (self.source / "undeclared/undeclared.hpp").write_text("#pragma once\n")
        module = (self.workspace.root / "MODULE.bazel").read_text(encoding="utf-8")
        module, count = re.subn(r"deepgemm\.sdist\([^)]*\)", f'deepgemm.local(path = "{self.source}")', module)
        assert count == 1, "MODULE.bazel has no deepgemm.sdist"
        self.workspace.write("MODULE.bazel", module)
        self._specifier = re.search(r'specifier = "([^"]*)"', module).group(1)  # type: ignore[union-attr]
        self.matrix(MATRIX)
        del outer[self._canonical["deepgemm_src"]], outer[self._canonical["deepgemm_pythons"]]

        (self._published,) = outer[self._canonical["vllm_x86_64"]].glob("wheel/*.whl")
        for name in ("deepgemm_torch_x86_64", "deepgemm_gcc", "deepgemm_python_3_12", "vllm_x86_64"):
            links(outer[self._canonical[name]], self._copies / name)
            outer[self._canonical[name]] = self._copies / name
        self.write_base_wheel("")
        self.bazel = Bazel(
            self.workspace,
            scratch / "base",
            options=[
                f"--disk_cache={scratch / 'cache'}",
                _QUICK,
                "--keep_going",
                *(f"--override_repository={canonical}={path}" for canonical, path in outer.items()),
            ],
        )
        self.first = self.bazel.build(*PRODUCTS)
        self.read = {tag: self._read_headers(tag) for tag in PYTHONS}
        """The files that the compiler read for each CPython, by its dependency file; paths in the execution root."""

    def matrix(self, specifier: str) -> None:
        """Sets Requires-Python."""
        self.workspace.edit("MODULE.bazel", f'"{self._specifier}"', f'"{specifier}"')
        self._specifier = specifier

    def write_base_wheel(self, description: str) -> None:
        """Writes the base wheel again, with `description` appended to its METADATA."""

        def metadata(text: str) -> str:
            text, count = re.subn(r"(?m)^Requires-Python:.*$", f"Requires-Python: {MATRIX}", text)
            assert count == 1
            return text + description

        edited_wheel(self._published, self.path(f"vllm_x86_64/wheel/{self._published.name}"), metadata)

    def path(self, name: str) -> Path:
        """The path of a file to edit: `name` is REPOSITORY/PATH, or `source/PATH` for DeepGEMM."""
        repository, _, inside = name.partition("/")
        return self.source / inside if repository == "source" else own(self._copies / repository, inside)

    @contextlib.contextmanager
    def edited(self, name: str, text: str, *, first: bool = False) -> Iterator[None]:
        """Appends `text` to a file (`first`: prepends it) while the body runs.

        Everything is built before the edit.
        """
        file = self.path(name)
        before = file.read_bytes()
        self.settle()
        file.write_bytes(text.encode() + b"\n" + before if first else before + b"\n" + text.encode() + b"\n")
        try:
            yield
        finally:
            file.write_bytes(before)

    def settle(self) -> None:
        """Builds everything; outputs of before an earlier edit come from the disk cache."""
        run = self.bazel.build(*PRODUCTS)
        assert not compiled(run), "an earlier output is not in the disk cache"

    def compile_of(self, tag: str) -> Spawn:
        """The first build's compile for a CPython."""
        (spawn,) = (spawn for spawn in self.first.of("CppCompile") if spawn.target.endswith("." + tag))
        return spawn

    def _read_headers(self, tag: str) -> set[str]:
        (dependencies,) = (path for path in self.compile_of(tag).outputs if path.endswith(".d"))
        text = self.bazel.output(dependencies).read_text(encoding="utf-8").replace("\\\n", " ")
        return {os.path.normpath(path) for path in text.partition(":")[2].split()}

    def unread_header(self, directory: str) -> str:
        """A header below `directory` (REPOSITORY/PATH) that the compile has as an input and did not read."""
        prefix = self.in_execution_root(directory) + "/"
        unread = sorted(set(self.compile_of("cp312").inputs) - set().union(*self.read.values()))
        found = next(path for path in unread if path.startswith(prefix))
        return f"{directory}/{found.removeprefix(prefix)}"

    def in_execution_root(self, name: str) -> str:
        """The path of an editable file in the execution root."""
        repository, _, inside = name.partition("/")
        if repository == "source":
            return f"external/{self._canonical['deepgemm_src']}/src/{inside}"
        return f"external/{self._canonical[repository]}/{inside}"


def ran(run: Run) -> dict[str, list[str]]:
    """Mnemonic to the targets (without `//:`) of every action that this machine ran."""
    actions: dict[str, list[str]] = {}
    for spawn in sorted(run.executed(), key=_by_target):
        actions.setdefault(spawn.mnemonic, []).append(spawn.target.removeprefix("//:"))
    return actions


def compiled(run: Run) -> list[str]:
    """The CPythons for which a compile ran."""
    return [spawn.target.rpartition(".")[2] for spawn in sorted(run.executed("CppCompile"), key=_by_target)]


def _by_target(spawn: Spawn) -> str:
    return spawn.target
