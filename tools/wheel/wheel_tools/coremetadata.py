"""Edits of METADATA for an overlay.

An edit changes single headers, and every other byte stays: the base wheel's METADATA is its publisher's, and a library
that parses and writes it drops fields that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from packaging.version import Version

# The first metadata version with License-File and License-Expression (PEP 639).
LICENSE_FILE_VERSION = Version("2.4")

# A line that belongs to the headers, for the parser in Python's email package, which reads METADATA everywhere. A line
# of only white space continues a field: setuptools writes the empty lines of a licence text that way.
_HEADER = re.compile(rb"[!-9;-~]*:|[ \t]|From ")


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
