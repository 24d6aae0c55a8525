"""METADATA and entry_points.txt of a new wheel, out of the table [project] (PEP 621, 639) of a pyproject.toml.

The fields that wheel-build is given take the place of those in the file. `pyproject-metadata` parses and validates the
table, `packaging` the result.
"""

from __future__ import annotations

import re
import sys
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.metadata import ExceptionGroup, Metadata
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pyproject_metadata import ConfigurationError, RFC822Message, StandardMetadata

from wheel_tools.errors import WheelError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# The attribute of extension_wheel that gives each field.
_ATTRIBUTES = {
    "authors": "author",
    "classifiers": "classifiers",
    "dependencies": "requires",
    "description": "summary",
    "entry-points": "entry_points",
    "gui-scripts": "entry_points",
    "import-names": "",
    "import-namespaces": "",
    "keywords": "keywords",
    "license": "license",
    "license-files": "license_files",
    "maintainers": "",
    "name": "distribution",
    "optional-dependencies": "extra_requires",
    "readme": "description_file",
    "requires-python": "python_requires",
    "scripts": "entry_points",
    "urls": "project_urls",
    "version": "version",
}
_README_TYPES = {".md": "text/markdown", ".rst": "text/x-rst", ".txt": "text/plain"}
# The groups that have tables of their own in [project].
_SCRIPTS = {"console_scripts": "scripts", "gui_scripts": "gui-scripts"}
# An object reference (the entry points specification).
_REFERENCE = re.compile(r"(?P<module>\w+(\.\w+)*)\s*(:\s*(?P<attribute>\w+(\.\w+)*))?\s*(\[.*\])?")
_EXTRA = re.compile(r"\bextra == \"([^\"]*)\"")


@dataclass
class Inputs:
    """What a wheel's metadata is made from.

    Attributes:
        fields: Fields of [project] that take the place of those in `pyproject`.
        pyproject: The pyproject.toml. Default: none.
        licenses: Licence files, by their paths below .dist-info/licenses.
        readme: The readme's path beside pyproject.toml, and the file. Default: none.
        readme_type: Its content type. Default: what pyproject.toml says of that file, else by its suffix.
        requires_python: Requires-Python where [project] has none.
        pins: Requirements besides those of [project].
        empty: Fields in `dynamic` to which nothing is added.
        headers: Further fields of METADATA.
    """

    fields: dict[str, Any]
    pyproject: Path | None = None
    licenses: dict[str, Path] = field(default_factory=dict)
    readme: tuple[str, Path] | None = None
    readme_type: str = ""
    requires_python: str = ""
    pins: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Described:
    """A wheel's metadata: the table's content, METADATA, and entry_points.txt (empty for none)."""

    project: StandardMetadata
    metadata: bytes
    entry_points: bytes


def describe(inputs: Inputs) -> Described:
    """Reads [project] and writes METADATA. What the specifications do not allow is a WheelError."""
    table = _merged(inputs)
    _fill_dynamic(table, inputs)
    table["license"] = _license(table.get("license"), inputs)
    _fill_readme(table, inputs)
    given = {key: value for key, value in table.items() if value is not None}
    staged = {**inputs.licenses, **(dict([inputs.readme]) if inputs.readme else {})}
    with tempfile.TemporaryDirectory() as directory:
        # Globs and paths must not reach a file that is no input of the build.
        for path, source in staged.items():
            copy = Path(directory, path)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
        project = _parse(given, Path(directory), inputs)
    _check_torch(project, inputs)
    message = project.as_rfc822()
    _complete(message, given, inputs)
    metadata = bytes(message)
    _validate(metadata)
    return Described(project, metadata, _entry_points(project, inputs))


def _refuse(key: str, inputs: Inputs, *, found: str, expected: str, fix: str) -> NoReturn:
    """A WheelError about a field: in the attribute that gave it, or in pyproject.toml."""
    name = key.removeprefix("project.").partition(".")[0].partition("[")[0]
    attribute = _ATTRIBUTES.get(name) if name in inputs.fields or not inputs.pyproject else None
    raise WheelError(attribute or str(inputs.pyproject or "METADATA"), found=found, expected=expected, fix=fix)


def _merged(inputs: Inputs) -> dict[str, Any]:
    """[project] with the fields that are given in place of those in the file."""
    table: Any = {}
    if inputs.pyproject:
        try:
            table = tomllib.loads(inputs.pyproject.read_text(encoding="utf-8")).get("project", {})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise WheelError(
                str(inputs.pyproject), found=f"a file that is no TOML ({error})", expected="TOML 1.0", fix="correct it"
            ) from None
        if not isinstance(table, dict):
            raise WheelError(
                str(inputs.pyproject), found=f"project = {table!r}", expected="a table [project]", fix="write one"
            )
    table = {**table, **inputs.fields}
    if "entry-points" in inputs.fields:
        groups = dict(inputs.fields["entry-points"])
        table.update({key: groups.pop(group, {}) for group, key in _SCRIPTS.items()})
        table["entry-points"] = groups
    table.setdefault("requires-python", inputs.requires_python)
    if isinstance(table.get("dependencies", []), list):
        known = table.get("dependencies", [])
        table["dependencies"] = [*known, *(pin for pin in inputs.pins if pin not in known)]
    return table


def _fill_dynamic(table: dict[str, Any], inputs: Inputs) -> None:
    """Takes the fields that are given out of `dynamic`; one that nothing gives is a WheelError."""
    dynamic = table.get("dynamic", [])
    if not isinstance(dynamic, list):
        return
    given = {*inputs.fields, *inputs.empty, "requires-python"}
    given |= {"scripts", "gui-scripts"} if "entry-points" in inputs.fields else set()
    given |= {"readme"} if inputs.readme else set()
    given |= {"license-files"} if inputs.licenses else set()
    for name in dynamic:
        attribute = _ATTRIBUTES.get(name) if isinstance(name, str) else None
        if attribute is not None and name != "name" and name not in given:
            say = f"set the attribute {attribute}" if attribute else "write it into pyproject.toml"
            raise WheelError(
                str(inputs.pyproject),
                found=f"{name} in [project].dynamic",
                expected="a value, since no build backend runs",
                fix=f"{say}, or name it in empty_fields if the wheel has none",
            )
    unknown = sorted(set(inputs.empty) - set(map(str, dynamic)))
    if unknown:
        raise WheelError(
            "empty_fields",
            found=repr(unknown[0]),
            expected=f"a field in [project].dynamic: {', '.join(map(str, dynamic)) or 'there is none'}",
            fix="leave it out",
        )
    # The others are errors of pyproject-metadata.
    table["dynamic"] = [name for name in dynamic if name == "name" or name not in list(_ATTRIBUTES)]


def _license(value: Any, inputs: Inputs) -> Any:
    """The field `license`, an expression in its normal form."""
    if isinstance(value, dict) and isinstance(file := value.get("file"), str) and file not in inputs.licenses:
        _refuse(
            "license",
            inputs,
            found=f"the licence file {file!r}, which is no input",
            expected=f"one of the files of license_files: {', '.join(inputs.licenses) or 'there is none'}",
            fix=f'add "{file}" to license_files',
        )
    if not isinstance(value, str):
        return value
    try:
        return canonicalize_license_expression(value)
    except InvalidLicenseExpression as error:
        _refuse("license", inputs, found=str(error), expected="an SPDX expression such as MIT", fix="correct it")


def _fill_readme(table: dict[str, Any], inputs: Inputs) -> None:
    """Gives `readme` its file and its content type."""
    readme = table.get("readme")
    readme = {"file": readme} if isinstance(readme, str) else readme
    if inputs.readme:
        file = inputs.readme[0]
        if not isinstance(readme, dict) or readme.get("file") != file:
            readme = {"file": file}
        readme = {**readme, "content-type": inputs.readme_type or readme.get("content-type")}
    if not isinstance(readme, dict) or not isinstance(file := readme.get("file"), str):
        return
    if not inputs.readme:
        _refuse(
            "readme",
            inputs,
            found=f"the readme {file!r}, which is no input",
            expected="a file that the build gets",
            fix=f'set description_file = "{file}"',
        )
    kind = readme.get("content-type") or _README_TYPES.get(Path(file).suffix.lower())
    if not kind:
        _refuse(
            "readme",
            inputs,
            found=f"the readme {file!r}, whose suffix states no content type",
            expected=", ".join(_README_TYPES),
            fix="set description_content_type",
        )
    table["readme"] = {**readme, "content-type": kind}


def _parse(table: Mapping[str, Any], directory: Path, inputs: Inputs) -> StandardMetadata:
    # Import-Name came with version 2.5 (PEP 794).
    version = "2.5" if {"import-names", "import-namespaces"} & set(table) else "2.4"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return StandardMetadata.from_pyproject({"project": table}, directory, version, allow_extra_keys=False)
    except ConfigurationError as error:
        _refuse(
            error.key or "",
            inputs,
            found=str(error),
            expected="a table [project] that PEP 621 and PEP 639 allow",
            fix="add the file to license_files" if "must match at least one file" in str(error) else "correct it",
        )
    except UnicodeDecodeError as error:
        _refuse("readme", inputs, found=f"a text that is not UTF-8 ({error})", expected="UTF-8", fix="convert it")


def _check_torch(project: StandardMetadata, inputs: Inputs) -> None:
    """A requirement must admit the version that is pinned."""
    for pin in map(Requirement, inputs.pins):
        (pinned,) = (specifier.version for specifier in pin.specifier)
        for requirement in project.dependencies:
            same = canonicalize_name(requirement.name) == canonicalize_name(pin.name) and not requirement.marker
            if same and not requirement.specifier.contains(pinned, prereleases=True):
                _refuse(
                    "dependencies",
                    inputs,
                    found=f"the requirement {requirement}",
                    expected=f"one that admits {pin.name} {pinned}, against which the extensions were compiled",
                    fix="widen it, or choose another torch",
                )


def _complete(message: RFC822Message, table: Mapping[str, Any], inputs: Inputs) -> None:
    """Writes what pyproject-metadata leaves out or spells otherwise."""
    for header, people in (("Author-email", "authors"), ("Maintainer-email", "maintainers")):
        if addresses := message[header]:
            # PEP 621: an address without a name stands alone.
            for address in (person["email"] for person in table[people] if "name" not in person):
                addresses = addresses.replace(f"Unknown <{address}>", address)
            del message[header]
            message[header] = addresses
    extras = set(message.get_all("Provides-Extra", []))
    for requirement in message.get_all("Requires-Dist", []):
        for extra in map(canonicalize_name, _EXTRA.findall(requirement)):
            if extra not in extras:
                message["Provides-Extra"] = extra
                extras.add(extra)
    del message["License-File"]
    for path in sorted(inputs.licenses):
        message["License-File"] = path
    for header, value in inputs.headers.items():
        message[header] = value


def _validate(metadata: bytes) -> None:
    try:
        Metadata.from_email(metadata)
    except ExceptionGroup as group:
        error = group.exceptions[0]
        name = getattr(error, "field", "")
        raise WheelError(
            f"METADATA: {name}" if name else "METADATA",
            found=str(error),
            expected="a value that the core metadata specification allows",
            fix="correct the attribute, or the field in pyproject.toml",
        ) from None


def _entry_points(project: StandardMetadata, inputs: Inputs) -> bytes:
    """entry_points.txt; empty without any."""
    reserved = sorted({*_SCRIPTS, *_SCRIPTS.values()} & set(project.entrypoints))
    if reserved:
        _refuse(
            "entry-points",
            inputs,
            found=f"the group {reserved[0]} in [project.entry-points]",
            expected="[project.scripts] and [project.gui-scripts] for scripts",
            fix="move it there",
        )
    groups = {"console_scripts": project.scripts, "gui_scripts": project.gui_scripts, **project.entrypoints}
    lines = []
    for group, entries in groups.items():
        lines += [f"[{group}]"] if entries else []
        for name, value in entries.items():
            _check_entry_point(group, name, value, inputs)
            lines.append(f"{name} = {value}")
        lines += [""] if entries else []
    return "\n".join(lines).encode()


def _check_entry_point(group: str, name: str, value: str, inputs: Inputs) -> None:
    reference = _REFERENCE.fullmatch(value)
    script = group in _SCRIPTS
    if (
        not reference
        or (script and not reference["attribute"])
        or name != name.strip()
        or not re.fullmatch(r"[^=\[\n][^=\n]*", name)
    ):
        _refuse(
            "entry-points",
            inputs,
            found=f"{name} = {value!r} in {group}",
            expected="module:function" if script else "module, or module:object",
            fix="name the function that the script calls" if script else "correct it",
        )
