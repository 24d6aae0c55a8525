"""Archives files and folders of a checkout: the same files give the same bytes.

python3 -m tests.repositories.checkout --root DIR --out ARCHIVE.tar NAME…
"""

from __future__ import annotations

import argparse
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bazel.fetch import command

_LEFT_OUT = ("__pycache__", ".pytest_cache", ".ruff_cache")


def files(root: Path, name: str) -> Iterator[Path]:
    """The files of `root/name`, in a fixed order; what running Python leaves behind is none of them."""
    start = root / name
    for path in sorted(start.rglob("*")) if start.is_dir() else [start]:
        if not path.is_dir() and not any(part in _LEFT_OUT or part.endswith(".egg-info") for part in path.parts):
            yield path


def archive(root: Path, names: Sequence[str], out: Path) -> None:
    with tarfile.open(out, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in (path for name in sorted(names) for path in files(root, name)):
            entry = tar.gettarinfo(path, str(path.relative_to(root)))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = 0
            entry.mode = 0o755 if entry.mode & 0o100 else 0o644
            if entry.isreg():
                with path.open("rb") as stream:
                    tar.addfile(entry, stream)
            else:
                tar.addfile(entry)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("names", nargs="+")
    return command.run(parser, lambda args: archive(args.root, args.names, args.out), argv)


if __name__ == "__main__":
    sys.exit(main())
