"""Makes an unpacked tree of Debian packages run from where it lies, on any system.

Every program below the root (or only the named ones) gets
- the tree's own loader as its ELF interpreter, written as `PREFIX/<path of the loader in the tree>`: an absolute PREFIX
  for programs that start from anywhere; one relative to the working directory (Bazel starts every action in its
  execution root) where the bytes must be the same on every machine;
- after the relative RPATH that it may have already, the tree's library directories, relative to the program
  (`$ORIGIN/…`); this serves also what it loads later;
and absolute symbolic links below DIR become relative ones into the tree.

The editing is done by the tree's own `patchelf`, run through the tree's own loader, so that the same packages always
give the same bytes. Debian's trees are usr-merged: the loader is looked for under usr/lib as well as lib.
"""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from bazel.fetch.command import CommandError

LIBRARY_DIRECTORIES = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")
LOADER = "ld-linux-x86-64.so.2"
PATCHELF = "usr/bin/patchelf"
_PT_INTERP = 3


def is_program(path: Path) -> bool:
    """Whether `path` is a 64-bit little-endian ELF file that asks for an interpreter and is no library."""
    if path.is_symlink() or not path.is_file() or ".so" in path.name:
        return False
    with path.open("rb") as stream:
        header = stream.read(64)
        if len(header) < 64 or header[:6] != b"\x7fELF\x02\x01":
            return False
        (offset,) = struct.unpack_from("<Q", header, 32)
        size, count = struct.unpack_from("<HH", header, 54)
        stream.seek(offset)
        table = stream.read(size * count)
    return any(struct.unpack_from("<I", table, index)[0] == _PT_INTERP for index in range(0, len(table), size or 1))


def programs(root: Path) -> Iterator[Path]:
    """All programs below `root`, in a fixed order."""
    for directory, subdirectories, names in os.walk(root):
        subdirectories.sort()
        yield from filter(is_program, (Path(directory, name) for name in sorted(names)))


def library_directories(root: Path) -> list[Path]:
    """The tree's own directories of shared libraries."""
    return [root / directory for directory in LIBRARY_DIRECTORIES if (root / directory).is_dir()]


def loader(root: Path) -> Path:
    """The tree's dynamic loader."""
    for directory in library_directories(root):
        if (directory / LOADER).exists():
            return directory / LOADER
    raise CommandError(f"{root} has no {LOADER} under {' or '.join(LIBRARY_DIRECTORIES)}; add libc6 to its packages")


def rpath(program: Path, root: Path) -> str:
    """The tree's library directories as seen from `program`."""
    return ":".join("$ORIGIN/" + os.path.relpath(directory, program.parent) for directory in library_directories(root))


def relink(root: Path) -> None:
    """Turns absolute symbolic links below `root` into relative ones into the tree."""
    for directory, subdirectories, names in os.walk(root):
        for path in (Path(directory, name) for name in subdirectories + names):
            if path.is_symlink() and os.path.isabs(target := os.readlink(path)):
                path.unlink()
                path.symlink_to(os.path.relpath(root / target.lstrip("/"), path.parent))


def _run(command: Sequence[str]) -> str:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise CommandError(f"patchelf {command[-1]}: {run.stderr.strip()}")
    return run.stdout


def relocate(root: Path, prefix: str, selected: Sequence[Path] = ()) -> list[Path]:
    """Relocates `selected` programs, or all below `root`, and returns them; programs see `root` as `prefix`."""
    root = root.resolve()
    relink(root)
    if not (root / PATCHELF).exists():
        raise CommandError(f"{root} has no {PATCHELF}; add patchelf to its packages")
    ld = loader(root)
    libraries = ":".join(map(str, library_directories(root)))
    patchelf = [str(ld), "--library-path", libraries, str(root / PATCHELF)]
    interpreter = f"{prefix.rstrip('/')}/{ld.relative_to(root)}"
    found = list(selected) or [path for path in programs(root) if path != root / PATCHELF]
    for program in found:
        own = _run([*patchelf, "--print-rpath", str(program)]).strip().split(":")
        path = ":".join([*(entry for entry in own if entry.startswith("$ORIGIN")), rpath(program, root)])
        # In this order and one by one: in a program with fixed addresses patchelf 0.18 makes room in front of the first
        # segment, and miscounts when it does both at once (GCC's cc1plus then crashes, its segments overlap).
        _run([*patchelf, "--force-rpath", "--set-rpath", path, str(program)])
        _run([*patchelf, "--set-interpreter", interpreter, str(program)])
    return found
