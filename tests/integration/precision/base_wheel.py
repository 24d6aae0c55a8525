"""Edits METADATA of a published wheel and copies all other members as stored: 336 MB take a second."""

from __future__ import annotations

import base64
import hashlib
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path


def edited_wheel(published: Path, out: Path, edit: Callable[[str], str]) -> None:
    """Writes `published` to `out` with `edit` applied to its METADATA, and RECORD to match."""
    out.unlink(missing_ok=True)
    shutil.copyfile(published, out)
    with zipfile.ZipFile(out, "a") as wheel:
        (record,) = (name for name in wheel.namelist() if name.endswith(".dist-info/RECORD"))
        metadata = record.removesuffix("RECORD") + "METADATA"
        changed = edit(wheel.read(metadata).decode()).encode()
        digest = base64.urlsafe_b64encode(hashlib.sha256(changed).digest()).rstrip(b"=").decode()
        lines = [
            f"{metadata},sha256={digest},{len(changed)}" if line.startswith(metadata + ",") else line
            for line in wheel.read(record).decode().splitlines()
        ]
        for name, data in ((metadata, changed), (record, ("\n".join(lines) + "\n").encode())):
            # The old member stays in the file; the central directory no longer lists it.
            info = wheel.NameToInfo.pop(name)
            wheel.filelist.remove(info)
            wheel.writestr(info.filename, data, zipfile.ZIP_DEFLATED)
