"""METADATA: written for a new wheel, edited for an overlay.

`packaging` validates and normalizes what is written. An edit changes single headers, and every other byte stays: the
base wheel's METADATA is its publisher's, and a library that parses and writes it drops fields that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.metadata import ExceptionGroup, Metadata
from packaging.version import Version

from wheel_tools.errors import WheelError

# The first metadata version with License-File and License-Expression (PEP 639).
LICENSE_FILE_VERSION = Version("2.4")

# A line that belongs to the headers, for the parser in Python's email package, which reads METADATA everywhere. A line
# of only white space continues a field: setuptools writes the empty lines of a licence text that way.
_HEADER = re.compile(rb"[!-9;-~]*:|[ \t]|From ")

# The options of wheel-build that set fields, where they have other names than the fields.
_OPTIONS = {"license-file": "--license", "name": "--distribution", "requires-dist": "--requires"}


@dataclass(frozen=True)
class Description:
    """What METADATA states besides the version. An empty value states nothing.

    Attributes:
        distribution: Name.
        requires_python: Requires-Python (PEP 440).
        requires: Requires-Dist lines (PEP 508).
        summary: Summary, one line.
        license_expression: License-Expression (SPDX, PEP 639).
        project_urls: Project-URL lines, `Label, URL`.
    """

    distribution: str
    requires_python: str
    requires: tuple[str, ...] = ()
    summary: str = ""
    license_expression: str = ""
    project_urls: tuple[str, ...] = ()


def write_metadata(about: Description, version: Version, license_files: Iterable[str]) -> bytes:
    """METADATA of a new wheel. A field that the core metadata specification does not allow is a WheelError."""
    raw = {
        "metadata_version": "2.4",
        "name": about.distribution,
        "version": str(version),
        "summary": about.summary,
        "license_expression": about.license_expression,
        "license_files": sorted(license_files),
        "requires_python": about.requires_python,
        "requires_dist": list(about.requires),
        "project_urls": _project_urls(about.project_urls),
    }
    try:
        headers = Metadata.from_raw({key: value for key, value in raw.items() if value}).as_rfc822().items()
    except ExceptionGroup as group:
        error = group.exceptions[0]
        field = getattr(error, "field", "")
        raise WheelError(
            _OPTIONS.get(field, f"--{field}"),
            found=str(error),
            expected="a value that the core metadata specification allows",
            fix="correct the option",
        ) from None
    # packaging writes the keys in lower case.
    return "".join(f"{key.title()}: {value}\n" for key, value in headers).encode()


def _project_urls(texts: Iterable[str]) -> dict[str, str]:
    urls: dict[str, str] = {}
    for text in texts:
        label, _, url = (part.strip() for part in text.partition(","))
        if not label or not url or label in urls or len(text.splitlines()) != 1:
            raise WheelError(
                "--project-url",
                found=repr(text),
                expected="'Label, URL' on one line, each label once",
                fix="correct it",
            )
        urls[label] = url
    return urls


def edit_metadata(
    data: bytes,
    *,
    version: str,
    requires_python: str = "",
    license_files: Sequence[str] = (),
    drop_license_prefix: str = "",
    license_expression: str = "",
) -> bytes:
    """METADATA with some fields replaced.

    Args:
        data: The METADATA file.
        version: The new Version.
        requires_python: The new Requires-Python. Default: the old one stays.
        license_files: Values of License-File lines to add after those that are there. Default: none.
        drop_license_prefix: License-File lines whose values begin so are left out. Default: all stay.
        license_expression: Replaces the value of License-Expression, if the field is there. Default: the old one stays.
    """
    headers, body = _split(data)
    newline = b"\r\n" if headers and headers[0].endswith(b"\r\n") else b"\n"

    def line(key: str, value: str) -> bytes:
        return f"{key}: {value}".encode() + newline

    drop = drop_license_prefix.encode()
    edited: list[bytes] = []
    insert_at = None
    for header in headers:
        key, _, value = header.partition(b":")
        key, value = key.strip().lower(), value.strip()
        if key == b"version":
            edited.append(line("Version", version))
            if requires_python:
                edited.append(line("Requires-Python", requires_python))
        elif key == b"license-expression" and license_expression:
            edited.append(line("License-Expression", license_expression))
        elif key == b"license-file" and drop and value.startswith(drop):
            continue
        elif key != b"requires-python" or not requires_python:
            edited.append(header if header.endswith((b"\n", b"\r")) else header + newline)
        if key == b"license-file":
            insert_at = len(edited)
    if insert_at is None:
        insert_at = len(edited)
    edited[insert_at:insert_at] = [line("License-File", path) for path in license_files]
    return b"".join(edited) + body


def _split(data: bytes) -> tuple[list[bytes], bytes]:
    """The header fields, each with its continuation lines, and the rest: the empty line and the description."""
    headers: list[bytes] = []
    at = 0
    for text in data.splitlines(keepends=True):
        if not _HEADER.match(text):
            break
        if headers and text[:1] in b" \t":
            headers[-1] += text
        else:
            headers.append(text)
        at += len(text)
    return headers, data[at:]
