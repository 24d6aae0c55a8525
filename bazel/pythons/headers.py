"""Copies a CPython's headers so that the copy is the same bytes wherever and for whomever it is made."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from bazel.fetch.command import CommandError
from bazel.pythons.discover import TRIPLET

# Debian's pyconfig.h only includes <TRIPLET/python3.X/pyconfig.h>, from the root that also has libc's own headers.
_REDIRECT = re.compile(rb"#\s*include\s*<" + TRIPLET.encode() + rb"/(?:\S+/)?pyconfig\.h>")
# CPython's own. Packages install headers of theirs beside them, which differ from machine to machine.
_OWN_DIRECTORIES = ("cpython", "internal")


def own_headers(include: Path) -> Iterator[Path]:
    """CPython's headers in its include directory, in a fixed order."""
    yield from sorted(include.glob("*.h"))
    for directory in _OWN_DIRECTORIES:
        yield from sorted(include.joinpath(directory).rglob("*.h"))


def pyconfig(include: Path) -> Path:
    """The pyconfig.h with the definitions, which on Debian is not the one beside Python.h."""
    beside = include / "pyconfig.h"
    if not beside.is_file():
        raise CommandError(f"{include} has Python.h, but no pyconfig.h: its installation is incomplete")
    if not _REDIRECT.search(beside.read_bytes()):
        return beside
    real = include.parent / TRIPLET / include.name / "pyconfig.h"
    if not real.is_file():
        raise CommandError(f"{beside} includes {real}, which is missing: reinstall the headers")
    return real


def copy_headers(include: Path, target: Path, foreign: tuple[str, ...] = ()) -> int:
    """Copies the headers of `include` to `target` and returns their number.

    No link is kept and no directory of packages is taken. `foreign` are paths of the machine that no header may name.
    """
    count = 0
    for source in own_headers(include):
        destination = target / source.relative_to(include)
        data = (pyconfig(include) if source.name == "pyconfig.h" else source).read_bytes()
        for path in foreign:
            if path.encode() in data:
                raise CommandError(f"{source} names {path}, a path of this machine; use a Python whose headers do not")
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.write_bytes(data)
        destination.chmod(0o644)
        count += 1
    if not (target / "Python.h").is_file():
        shutil.rmtree(target, ignore_errors=True)
        raise CommandError(f"{include} has no Python.h")
    return count
