"""The archive of a release, out of real clones of a small repository with this project's .gitattributes."""

from __future__ import annotations

import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import release

_ATTRIBUTES = Path(".gitattributes").read_text(encoding="utf-8")
_FILES = {
    ".gitattributes": _ATTRIBUTES,
    "MODULE.bazel": '"""Rules."""\n\nmodule(\n    name = "rules_deepgemm",\n    version = "0.2.0",\n)\n',
    "CHANGELOG.md": "# Changelog\n\n## 0.2.0 (2026-11-23)\n",
    "README.md": '```\nbazel_dep(name = "rules_deepgemm", version = "0.2.0")\n```\n',
    "bazelw": "#!/bin/sh\n",
    "e2e/smoke/MODULE.bazel": 'bazel_dep(name = "rules_deepgemm", version = "0.2.0")\n',
    "tools/wheel/pyproject.toml": '[project]\nversion = "0.2.0"\n',
    "tests/BUILD.bazel": "",
    "benchmarks/run.py": "",
    "examples/one/MODULE.bazel": "",
    ".bcr/presubmit.yml": "",
}


def _git(directory: Path, *arguments: str) -> None:
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    subprocess.run(["git", *arguments], cwd=directory, env=environment, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name, text in _FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "bazelw").chmod(0o755)
    _git(root, "init", "--quiet")
    _commit(root)
    _git(root, "tag", "v0.2.0")
    return root


def _commit(root: Path) -> None:
    _git(root, "add", "--all")
    _git(root, "commit", "--quiet", "--message=x")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, str], list[Path]]:
    """Runs the program in a clone; what it wrote."""

    def run(clone: Path, ref: str) -> list[Path]:
        out = tmp_path / f"{clone.name}.out"
        out.mkdir(exist_ok=True)
        monkeypatch.chdir(clone)
        status = release.main([ref, f"--out={out}"])
        written = list(out.iterdir())
        assert len(written) == (status == 0)
        return written

    return run


def test_two_clones_give_the_same_bytes(project: Path, tmp_path: Path, run, capsys) -> None:
    archives, printed = [], []
    for name, mask in (("a", 0o022), ("b", 0o077)):
        before = os.umask(mask)
        _git(tmp_path, "clone", "--quiet", "project", name)
        _git(tmp_path / name, "config", "tar.umask", "user")
        (tmp_path / name / "README.md").write_text(f"uncommitted in {name}")
        archives += run(tmp_path / name, "v0.2.0")
        os.umask(before)
        printed.append(capsys.readouterr().out.splitlines()[1])
    assert [archive.name for archive in archives] == ["rules_deepgemm-0.2.0.tar.gz"] * 2
    assert archives[0].read_bytes() == archives[1].read_bytes()
    assert printed[0] == printed[1]
    assert printed[0].startswith("sha256-")


def test_what_is_in_it(project: Path, run) -> None:
    (archive,) = run(project, "HEAD")
    with tarfile.open(archive) as tar:
        modes = {member.name: member.mode for member in tar if member.isfile()}
    assert sorted(name.removeprefix("rules_deepgemm-0.2.0/") for name in modes) == [
        "CHANGELOG.md",
        "MODULE.bazel",
        "README.md",
        "bazelw",
        "e2e/smoke/MODULE.bazel",
        "tools/wheel/pyproject.toml",
    ]
    assert modes["rules_deepgemm-0.2.0/bazelw"] == 0o755
    assert modes["rules_deepgemm-0.2.0/README.md"] == 0o644


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("README.md", "README.md shows version 0.1.0, MODULE.bazel has 0.2.0: write that"),
        ("e2e/smoke/MODULE.bazel", "e2e/smoke/MODULE.bazel shows version 0.1.0"),
        ("tools/wheel/pyproject.toml", "tools/wheel/pyproject.toml shows version 0.1.0"),
        ("CHANGELOG.md", "CHANGELOG.md has no section 0.2.0"),
        ("MODULE.bazel", "CHANGELOG.md has no section 0.1.0"),
    ],
)
def test_versions_that_differ(project: Path, run, capsys, name: str, says: str) -> None:
    (project / name).write_text(_FILES[name].replace("0.2.0", "0.1.0"))
    _commit(project)
    assert run(project, "HEAD") == []
    assert capsys.readouterr().err.startswith(f"error: {says}")


@pytest.mark.parametrize(
    ("ref", "says"),
    [("v0.3.0", "the tag is v0.3.0, MODULE.bazel there has version 0.2.0: tag it v0.2.0"), ("v9", "git rev-parse")],
)
def test_a_tag_that_is_none(project: Path, run, capsys, ref: str, says: str) -> None:
    _git(project, "tag", "v0.3.0")
    assert run(project, ref) == []
    error = capsys.readouterr().err
    assert error.startswith(f"error: {says}")
    assert error.count("\n") == 1
