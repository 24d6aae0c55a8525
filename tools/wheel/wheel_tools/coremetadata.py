"""Edits a METADATA file's headers and leaves every other byte as it is."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import Version

# The first metadata version that knows License-File and License-Expression (PEP 639).
LICENSE_FILE_VERSION = Version("2.4")


def edit_metadata(
    data: bytes,
    *,
    version: str,
    requires_python: str = "",
    license_files: Sequence[str] = (),
    drop_license_prefix: str = "",
    license_expression: str = "",
) -> bytes:
    """METADATA with another Version, another Requires-Python unless empty, and more License-File lines.

    `license_files` are added after those that are there, less those that begin with `drop_license_prefix`;
    `license_expression`, unless empty, takes the place of the one that is there.
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
            edited.append(header if header.endswith(b"\n") else header + newline)
        if key == b"license-file":
            insert_at = len(edited)
    if insert_at is None:
        insert_at = len(edited)
    edited[insert_at:insert_at] = [line("License-File", path) for path in license_files]
    return b"".join(edited) + body


def _split(data: bytes) -> tuple[list[bytes], bytes]:
    """The header fields, each with its continuation lines, and the rest from the empty line on."""
    headers: list[bytes] = []
    at = 0
    for text in data.splitlines(keepends=True):
        if not text.strip():
            break
        if headers and text[:1] in b" \t":
            headers[-1] += text
        else:
            headers.append(text)
        at += len(text)
    return headers, data[at:]
