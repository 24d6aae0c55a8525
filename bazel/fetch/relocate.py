"""Makes an unpacked tree of Debian packages run from where it lies, on any Linux.

`relocate` gives every program below the root (or only the selected ones)
- the tree's own loader as its ELF interpreter, written as `PREFIX/<path of the loader in the tree>`. An absolute PREFIX
  suits programs that start from anywhere. A PREFIX relative to the working directory (Bazel starts every action in its
  execution root) gives the same bytes on every machine;
- the tree's library directories, relative to the program (`$ORIGIN/…`), after the relative RPATH that it may have
  already. As an RPATH, not a RUNPATH, they also serve the libraries that it loads later.

`relink` turns absolute symbolic links below the root into relative ones into the tree. Command line:

    python3 -m bazel.fetch.relocate DIR     relink DIR

The tree's own patchelf, started with the tree's own loader, does the editing, so that the same packages always give the
same bytes. Older packages have their libraries in lib/ and not in usr/lib/; both are searched.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bazel.fetch import command, elf
from bazel.fetch.command import CommandError
from bazel.fetch.platforms import CPUS

LIBRARY_DIRECTORIES = [directory + cpu.triplet for cpu in CPUS.values() for directory in ("usr/lib/", "lib/")]
LOADERS = [cpu.loader for cpu in CPUS.values()]
PATCHELF = "usr/bin/patchelf"


def is_program(path: Path) -> bool:
    """Whether `path` is a 64-bit little-endian ELF file that asks for an interpreter and is no library."""
    if path.is_symlink() or not path.is_file() or ".so" in path.name:
        return False
    with path.open("rb") as stream:
        try:
            return elf.PT_INTERP in elf.Elf(stream, path).segment_types()
        except elf.ElfError:
            return False


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
        for name in LOADERS:
            if (directory / name).exists():
                return directory / name
    raise CommandError(
        f"{root} has no {' or '.join(LOADERS)} under {' or '.join(LIBRARY_DIRECTORIES)}; add libc6 to its packages"
    )


def rpath(program: Path, root: Path) -> str:
    """The tree's library directories as seen from `program`."""
    return ":".join("$ORIGIN/" + os.path.relpath(directory, program.parent) for directory in library_directories(root))


def relink(root: Path) -> None:
    """Turns absolute symbolic links below `root` into relative ones into the tree.

    A package says `/usr/bin/x`; dpkg-deb unpacks the link so. Bazel's `extract` puts the directory that it unpacks into
    in front. Both mean `root`/usr/bin/x.
    """
    root = Path(os.path.abspath(root))
    for directory, subdirectories, names in os.walk(root):
        for path in (Path(directory, name) for name in subdirectories + names):
            if path.is_symlink() and os.path.isabs(target := os.readlink(path)):
                inside = Path(target) if root in Path(target).parents else root / target.lstrip("/")
                path.unlink()
                path.symlink_to(os.path.relpath(inside, path.parent))


def _run(arguments: Sequence[str]) -> str:
    run = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if run.returncode:
        raise CommandError(f"patchelf {arguments[-1]}: {run.stderr.strip()}")
    return run.stdout


def relocate(root: Path, prefix: str, selected: Sequence[Path] = ()) -> list[Path]:
    """Relinks the tree, relocates `selected` programs or all below `root`, and returns them.

    Programs see `root` as `prefix`.
    """
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
        # In this order and in two runs. In a program with fixed addresses patchelf 0.18 makes room in front of the
        # first segment. It miscounts when it does both at once: segments overlap, and GCC's cc1plus crashes.
        _run([*patchelf, "--force-rpath", "--set-rpath", path, str(program)])
        _run([*patchelf, "--set-interpreter", interpreter, str(program)])
    return found


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Turns absolute symbolic links in a tree into relative ones.")
    parser.add_argument("root", type=Path)
    return command.run(parser, lambda arguments: relink(arguments.root), argv)


if __name__ == "__main__":
    sys.exit(main())
