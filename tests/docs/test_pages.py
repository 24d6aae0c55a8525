"""The pages in docs/ against the checkout: quoted errors that the code can print, links and folders that exist."""

from __future__ import annotations

import os
import posixpath
import re
import tarfile
from functools import cache
from pathlib import Path

import pytest

_QUOTED = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)")
# Adjacent string literals, in Python and (with +) in Starlark, are one text.
_JOINT = re.compile(r"[\"']\s*\+?\s*\n\s*f?[\"']")
# What stands for something else, and what WheelError puts between its parts.
_VARIES = re.compile(r"…|\bfound |; expected ")
# Its name, and where it finds these rules.
_OF_SMOKE_ALONE = re.compile(r'^""".*?"""\n|^module\(.*?\)\n\n|^# Only here.*?^\)\n\n', re.MULTILINE | re.DOTALL)
# A text is too short to be looked for where it could stand by chance.
_SHORT = 8


@cache
def _archive(variable: str) -> dict[str, str]:
    """Every file of an archive, by its path."""
    with tarfile.open(os.environ[variable]) as tar:
        files = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        return {name: stream.read().decode("utf-8", "replace") for name, stream in files.items() if stream}


def _checkout() -> dict[str, str]:
    """Every text file of the folders with code, by its path."""
    return _archive("CHECKOUT")


@cache
def _pages() -> dict[str, str]:
    """Every page, by its path."""
    return {
        path.as_posix(): path.read_text(encoding="utf-8")
        for path in [*Path().glob("*.md"), *Path("docs").rglob("*.md")]
    }


@cache
def _literals() -> str:
    """The code that users run, with the parts of each message joined."""
    code = (text for name, text in _checkout().items() if name.startswith(("bazel/", "third_party/", "tools/")))
    return _JOINT.sub("", "\n".join(code))


def _errors() -> list[str]:
    page = _pages()["docs/troubleshooting.md"]
    return [text for line in page.splitlines() if line.startswith("### ") for text in _QUOTED.findall(line)]


@pytest.mark.parametrize("error", _errors())
def test_an_error_that_is_explained_can_be_printed(error: str) -> None:
    parts = [part.strip(" .,:;'()") for part in _VARIES.split(error)]
    found = [part for part in parts if len(part) >= _SHORT]
    assert found, f"{error}: quote more of it"
    for part in found:
        assert part in _literals(), f"no program here prints '{part}'"


def test_there_are_errors() -> None:
    assert len(_errors()) > 30


@pytest.mark.parametrize("page", _pages())
def test_links_lead_somewhere(page: str) -> None:
    files = {*_checkout(), *_pages()}
    roots = {file.partition("/")[0] for file in files}
    for target in _LINK.findall(_pages()[page]):
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        # Folders that this test is not given are not looked into.
        if path.partition("/")[0] in roots:
            assert any(file == path or file.startswith(path + "/") for file in files), target


def test_the_map_has_every_folder() -> None:
    """Each folder with code stands in the table of docs/architecture.md, itself or a parent, and none that is gone."""
    table = re.findall(r"^\| (`.*?) \|", _pages()["docs/architecture.md"], re.MULTILINE)
    named = [name for row in table for name in _QUOTED.findall(row)]
    assert {"bazel/rules", "tools/wheel"} <= set(named)
    for name in named:
        assert name.partition("/")[0] not in {"bazel", "tests", "third_party", "tools"} or any(
            path == name or path.startswith(name + "/") for path in _checkout()
        ), f"{name} is not there"
    for path in _checkout():
        if path.endswith((".py", ".bzl")):
            assert any(path == name or path.startswith(name + "/") for name in named), f"no row has {path}"


def test_the_readme_shows_e2e_smoke() -> None:
    """What a new user copies is what //tests/integration:smoke builds: each block of the README is a file there."""
    blocks = re.findall(r"^```starlark\n# (\S+)\n(.*?)^```$", _pages()["README.md"], re.MULTILINE | re.DOTALL)
    smoke = {name.removeprefix("e2e/smoke/"): text for name, text in _archive("SMOKE").items()}
    assert [name for name, _ in blocks] == ["MODULE.bazel", "BUILD.bazel"]
    for name, block in blocks:
        assert block.strip() == _OF_SMOKE_ALONE.sub("", smoke[name]).strip(), f"README.md and e2e/smoke/{name} differ"
