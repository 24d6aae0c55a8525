"""Requires-Python to CPythons, through the command line that the module extension runs."""

from __future__ import annotations

import json
from pathlib import Path

import matrix
import pytest
from wheel_tools.pythons import KNOWN_CPYTHONS

NEWEST = KNOWN_CPYTHONS[-1]


def since(minor: int) -> list[str]:
    """3.`minor` and every newer CPython that is known."""
    return [version for version in KNOWN_CPYTHONS if int(version.split(".")[1]) >= minor]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert matrix.main(arguments) == 0
    return json.loads(capsys.readouterr().out)


def error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that is printed for bad input."""
    assert matrix.main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(
    ("specifier", "versions"),
    [
        ("<3.15,>=3.11", ["3.11", "3.12", "3.13", "3.14"]),
        (">=3.11, <3.15", ["3.11", "3.12", "3.13", "3.14"]),
        (">=3.11,!=3.12.*,<3.15", ["3.11", "3.13", "3.14"]),
        ("~=3.11", since(11)),
        ("~=3.11.0", ["3.11"]),
        ("~=3.11,<3.13", ["3.11", "3.12"]),
        (">=3.11", since(11)),
        (">3.12", since(12)),  # 3.12.1 is newer than 3.12
        (">=3.11.4,<3.13", ["3.11", "3.12"]),
        ("<3.12.2,>=3.11", ["3.11", "3.12"]),
        ("==3.12.*", ["3.12"]),
        ("==3.12", ["3.12"]),  # 3.12.0 alone
        ("==3.12.7", ["3.12"]),
        ("===3.12.7", ["3.12"]),
        ("<=3.12,>=3.11", ["3.11", "3.12"]),
        (">=3.11,!=3.11.0,<3.12", ["3.11"]),
        ("!=3.12.*,!=3.13.*,>=3.11,<3.15", ["3.11", "3.14"]),
        (">=3.9,<3.11", ["3.9", "3.10"]),  # 3.10 is not 3.1
        (">=3.11.dev0,<3.12.dev0", ["3.11"]),
        (">=3.13.0rc1,<3.14", ["3.13"]),
        (f">={NEWEST}", [NEWEST]),
        (">=3.13,<4", since(13)),
        ("<3.10", [version for version in KNOWN_CPYTHONS if version in ("3.8", "3.9")]),
    ],
)
def test_admits(capsys: pytest.CaptureFixture[str], specifier: str, versions: list[str]) -> None:
    assert run(capsys, f"--specifier={specifier}") == {"requires_python": specifier, "versions": versions}


@pytest.mark.parametrize(
    ("specifier", "says"),
    [
        (">=3.11,<3.11", f"admits no CPython from {KNOWN_CPYTHONS[0]} to {NEWEST}"),
        (">=4", "admits no CPython"),
        ("<3", "admits no CPython"),
        (">=3.99", "admits no CPython"),
        ("===3.12.x", "admits no CPython"),
        ("3.11", "Invalid specifier"),
        ("=>3.11", "Invalid specifier"),
        (">=3.11,<3.15 or so", "Invalid specifier"),
        ("^3.11", "Invalid specifier"),
        ("~=3", "Invalid specifier"),
        (">=3.11 <3.15", "Invalid specifier"),
        ("", "is empty"),
        ("  ", "is empty"),
    ],
)
def test_refuses(capsys: pytest.CaptureFixture[str], specifier: str, says: str) -> None:
    message = error(capsys, f"--specifier={specifier}")
    assert says in message
    assert ">=3.11" in message or "widen it" in message


def test_reads_a_pyproject(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text('[project]\nname = "x"\nrequires-python = ">=3.12,<3.14" # not "3.14"\n', encoding="utf-8")
    found = run(capsys, "--pyproject", str(file))
    assert found == {"requires_python": ">=3.12,<3.14", "versions": ["3.12", "3.13"]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b'[project]\nname = "x"\n', "no [project].requires-python"),
        (b'[tool.poetry.dependencies]\npython = "^3.11"\n', "no [project].requires-python"),
        (b"project = 3\n", "no [project].requires-python"),
        (b"[project]\nrequires-python = 3.11\n", "is 3.11; write a string"),
        (b'[project]\nrequires-python = "^3.11"\n', "Invalid specifier"),
        (b'[project]\nrequires-python = ""\n', "is empty"),
        (b'[project\nrequires-python = ">=3.11"\n', "is not TOML"),
        (b'[project]\nrequires-python = ">=3.11\xff"\n', "is not TOML"),
    ],
)
def test_a_bad_pyproject(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: bytes, says: str) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_bytes(text)
    message = error(capsys, "--pyproject", str(file), "--name", "//:pyproject.toml")
    assert message.startswith("error: //:pyproject.toml")
    assert says in message


def test_a_missing_pyproject(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "No such file" in error(capsys, "--pyproject", str(tmp_path / "none.toml"))


def test_the_error_goes_where_it_is_asked_for(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "error"
    assert matrix.main(["--specifier=<3", "--error-file", str(file)]) == 1
    assert capsys.readouterr() == ("", "")
    assert "admits no CPython" in file.read_text(encoding="utf-8")
