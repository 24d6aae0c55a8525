"""Copies a CPython's headers; the copy has the same bytes on every machine."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from bazel.fetch.command import CommandError

# Debian's pyconfig.h only includes <TRIPLET/python3.X/pyconfig.h> from /usr/include, which has libc's headers, too.
_REDIRECT = r"#\s*include\s*<{}/(?:\S+/)?pyconfig\.h>"
# CPython's own. Installed packages put their headers beside them; those differ from machine to machine.
_OWN_DIRECTORIES = ("cpython", "internal")


def own_headers(include: Path) -> Iterator[Path]:
    """CPython's headers in its include directory, in a fixed order."""
    yield from sorted(include.glob("*.h"))
    for directory in _OWN_DIRECTORIES:
        yield from sorted(include.joinpath(directory).rglob("*.h"))


def pyconfig(include: Path, triplet: str) -> Path:
    """The pyconfig.h with the definitions; on Debian it is not the one beside Python.h."""
    beside = include / "pyconfig.h"
    if not beside.is_file():
        raise CommandError(f"{include} has Python.h, but no pyconfig.h: its installation is incomplete")
    if not re.search(_REDIRECT.format(triplet), beside.read_text(encoding="utf-8")):
        return beside
    real = include.parent / triplet / include.name / "pyconfig.h"
    if not real.is_file():
        raise CommandError(f"{beside} includes {real}, which is missing: reinstall the headers")
    return real


def copy_headers(include: Path, target: Path, triplet: str, foreign: tuple[str, ...] = ()) -> int:
    """Copies the headers of `include` to `target` and returns their number.

    Links become files; directories of installed packages are left out.

    Args:
        include: the CPython's include directory.
        target: the directory to copy to.
        triplet: the multiarch tuple of the CPU.
        foreign: paths of the machine; a header that names one is a CommandError.
    """
    count = 0
    for source in own_headers(include):
        destination = target / source.relative_to(include)
        data = (pyconfig(include, triplet) if source.name == "pyconfig.h" else source).read_bytes()
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
