"""Requires-Python as Starlark reads it, compared with `packaging` and tomllib, which read it for installers."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path

import pytest
import tomllib
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from wheel_tools.pythons import KNOWN_CPYTHONS, admitted

from bazel.fetch.platforms import CPUS


@pytest.fixture(scope="module")
def answers() -> dict:
    """What the rule `starlark_answers` wrote."""
    return json.loads(Path(os.environ["ANSWERS"]).read_text(encoding="utf-8"))


def test_the_cpus_are_those_of_the_repository_programs(answers: dict) -> None:
    assert answers["cpus"] == {name: dataclasses.asdict(cpu) for name, cpu in CPUS.items()}


def test_the_known_cpythons_are_those_of_the_wheel_tools(answers: dict) -> None:
    assert answers["known"] == list(KNOWN_CPYTHONS)


def test_specifiers_mean_what_they_mean_to_installers(answers: dict) -> None:
    wrong, valid, several = [], 0, 0
    for text, found in answers["specifiers"].items():
        if re.search(r"===\s*(,|$)", text):
            # packaging 26.4 refuses it, older ones say that it admits nothing. Both are errors in pythons.requires.
            assert not found["versions"]
            continue
        try:
            expected = admitted(SpecifierSet(text))
        except InvalidSpecifier:
            expected = None
        if (None if found["invalid"] else found["versions"]) != expected:
            wrong.append(f"{text!r}: {found}; expected {expected}")
        valid += expected is not None
        several += expected is not None and 0 < len(expected) < len(KNOWN_CPYTHONS)
    assert not wrong, "\n".join(wrong)
    # Enough of each kind that an answer is not right by accident.
    assert (valid > 1500, several > 700, len(answers["specifiers"]) - valid > 1000) == (True, True, True)


@pytest.mark.parametrize(
    ("specifier", "versions"),
    [
        (">=3.11.4,<3.12", ["3.11"]),
        ("!=3.12.*,<3.14,>=3.11", ["3.11", "3.13"]),
        ("===3.12", ["3.12"]),
        (">3.12,<3.13", ["3.12"]),
        ("<=3.12,>=3.11", ["3.11", "3.12"]),
    ],
)
def test_the_reference_itself(specifier: str, versions: list[str]) -> None:
    assert admitted(SpecifierSet(specifier)) == versions


def test_a_narrowed_matrix_admits_what_is_kept(answers: dict) -> None:
    assert len(answers["narrowed"]) > 30
    for found in answers["narrowed"]:
        assert admitted(SpecifierSet(found["narrowed"])) == found["kept"], found
    assert {"kept": ["3.11", "3.13", "3.14"], "narrowed": ">=3.11,<3.15,!=3.12.*"} in answers["narrowed"]


def project_string(text: str, key: str = "requires-python") -> str | None:
    """The string that tomllib finds; None where there is none, or no TOML."""
    try:
        project = tomllib.loads(text).get("project")
    except tomllib.TOMLDecodeError:
        return None
    value = project.get(key) if isinstance(project, dict) else None
    return value if isinstance(value, str) else None


def test_a_pyproject_is_read_as_tomllib_reads_it(answers: dict) -> None:
    wrong, read, others = [], 0, 0
    for document in answers["pyprojects"]:
        expected = project_string(document["text"])
        if document["refused"]:
            assert expected is not None, document
            assert "give pythons.requires(specifier = …)" in document["error"]
        elif document["value"] != expected:
            wrong.append(f"{document}; expected {expected!r}")
        else:
            read += expected is not None
            assert (document["error"] is None) == (expected is not None), document
        # A document that is refused for requires-python may be read as far as another key.
        for key, value in document["others"].items():
            assert value == project_string(document["text"], key) or value is None, document
            others += value is not None
    assert not wrong, "\n".join(wrong)
    assert (read > 200, others > 50) == (True, True)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('[project]\nname = "x"\n', 'has no [project].requires-python; write one, such as ">=3.11,<3.15"'),
        ("[project]\nrequires-python = 3.11\n", 'line 2 has requires-python as 3.11; write a string, such as ">=3.11'),
        ('[project\nrequires-python = ">=3.11"\n', "line 1 is no TOML that can be read here: a header"),
        ('[project]\nrequires-python = ">=3.11"\nx = [\n', "ends inside of a list; close it"),
    ],
)
def test_errors_name_the_line_and_what_to_write(answers: dict, text: str, error: str) -> None:
    (found,) = (document["error"] for document in answers["pyprojects"] if document["text"] == text)
    assert found.startswith(error)
