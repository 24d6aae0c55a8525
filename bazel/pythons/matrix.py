#!/usr/bin/env python3
"""Says which CPythons a Requires-Python admits.

    matrix.py (--pyproject PYPROJECT.TOML | --specifier SPECIFIER) [--name NAME] [--error-file FILE]

Prints JSON: `requires_python`, as it was written, and `versions`, the known CPythons that it admits, oldest first, as
installers and wheel_check see it (wheel_tools.pythons): `>=3.11.4` admits 3.11, an open end every newer one that is
known. `--name` is how errors call the source.
Needs `wheel_tools` and `packaging` on the PYTHONPATH, and `tomli` where Python is older than 3.11.
Exit code 0; 1 with one line on stderr (or in --error-file) for a Requires-Python that cannot be read or admits nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from wheel_tools.pythons import KNOWN_CPYTHONS, admitted

try:
    import tomllib
except ImportError:  # Python before 3.11
    import tomli as tomllib


class MatrixError(Exception):
    """What was found, what is needed and what to do, in one line."""


def read_pyproject(path: Path, name: str) -> str:
    """`[project].requires-python` of a pyproject.toml, which errors call `name`."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MatrixError(f"{name} cannot be read: {error.strerror}") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise MatrixError(f"{name} is not TOML: {error}") from None
    project = data.get("project")
    requires = project.get("requires-python") if isinstance(project, dict) else None
    if requires is None:
        raise MatrixError(f'{name} has no [project].requires-python; write one, such as ">=3.11,<3.15"')
    if not isinstance(requires, str):
        raise MatrixError(f'{name}: [project].requires-python is {requires!r}; write a string, such as ">=3.11,<3.15"')
    return requires


def matrix(requires: str, name: str) -> list[str]:
    """The known CPythons (such as 3.12) that `requires` admits, oldest first; errors call it `name`."""
    if not requires.strip():
        raise MatrixError(f'{name} is empty; say which Pythons it admits, such as ">=3.11,<3.15"')
    try:
        specifiers = SpecifierSet(requires)
    except InvalidSpecifier as error:
        raise MatrixError(f'{name} is "{requires}": {error}; write one such as ">=3.11,<3.15"') from None
    versions = admitted(specifiers)
    if not versions:
        raise MatrixError(
            f'{name} is "{requires}", which admits no CPython from {KNOWN_CPYTHONS[0]} to {KNOWN_CPYTHONS[-1]} '
            "(the newest known here); widen it, or update rules_deepgemm"
        )
    return versions


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--pyproject", type=Path)
    source.add_argument("--specifier")
    parser.add_argument("--name", default="Requires-Python")
    parser.add_argument("--error-file", type=Path)
    arguments = parser.parse_args(argv)
    try:
        requires, name = arguments.specifier, arguments.name
        if arguments.pyproject:
            requires = read_pyproject(arguments.pyproject, name)
            name += ": [project].requires-python"
        versions = matrix(requires, name)
    except MatrixError as error:
        if arguments.error_file:
            arguments.error_file.write_text(str(error), encoding="utf-8")
        else:
            print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"requires_python": requires, "versions": versions}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
