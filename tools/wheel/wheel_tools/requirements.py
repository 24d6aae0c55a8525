"""METADATA as packaging reads it: what installs the wheel, and what the wheel brings along."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from packaging.metadata import InvalidMetadata, Metadata, RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

try:
    _ExceptionGroup = ExceptionGroup
except NameError:  # Python 3.10 and older
    from packaging.metadata import ExceptionGroup as _ExceptionGroup

# Installers refuse a wheel for these fields; they do not look at the others.
REFUSED_FIELDS = ("metadata-version", "name", "version", "requires-python", "requires-dist", "provides-extra")


class Problem(NamedTuple):
    """A field of METADATA that packaging refuses."""

    field: str
    text: str


@dataclass
class CoreMetadata:
    """The fields that the checks use, and the problems of all fields."""

    raw: RawMetadata = field(default_factory=dict)
    # None where METADATA has no Requires-Python, or none that can be read.
    requires_python: SpecifierSet | None = None
    requirements: list[Requirement] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_metadata(data: bytes) -> CoreMetadata:
    """Never raises for what is in the bytes."""
    try:
        raw, unparsed = parse_email(data)
    except Exception as error:
        return CoreMetadata(problems=[Problem("metadata-version", f"text that cannot be parsed ({error})")])
    result = CoreMetadata(raw)
    for name, values in unparsed.items():
        text = f"{len(values)} {name.title()} lines: " + "; ".join(map(str, values))
        result.problems.append(Problem(name, text if len(values) > 1 else f"{name.title()}: {values[0]}"))
    try:
        Metadata.from_raw(raw)
    except _ExceptionGroup as group:
        result.problems += [_problem(error, raw) for error in group.exceptions if _counts(error, unparsed)]
    except Exception as error:
        result.problems.append(Problem("metadata-version", f"text that cannot be parsed ({error})"))
    # Of several Requires-Python lines installers read the first.
    lines = unparsed.get("requires-python", [])
    text = raw.get("requires_python", lines[0] if lines else None)
    if isinstance(text, str):
        if len(text.splitlines()) > 1:
            result.problems.append(Problem("requires-python", f"a Requires-Python of several lines: {text}"))
        with suppress(InvalidSpecifier):
            result.requires_python = SpecifierSet(text)
    for text in raw.get("requires_dist", []):
        with suppress(InvalidRequirement):
            result.requirements.append(Requirement(text))
    return result


def _counts(error: Exception, unparsed: dict) -> bool:
    # Many build backends write a field of a newer Metadata-Version than they declare; installers do not mind.
    return not ("introduced in metadata version" in str(error) or getattr(error, "field", "") in unparsed)


def _problem(error: Exception, raw: RawMetadata) -> Problem:
    name = error.field if isinstance(error, InvalidMetadata) else "metadata-version"
    value = raw.get(name.replace("-", "_"))
    cause = f" ({error.__cause__})" if error.__cause__ else ""
    return Problem(name, f"{name.title()}: {value} ({error}{cause})" if isinstance(value, str) else f"{error}{cause}")
