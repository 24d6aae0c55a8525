"""Fetches and unpacks a lock of Debian packages whose programs are started through their own loader.

python3 -m tests.repositories.servers_tree --lock LOCK.json --out DIR
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from bazel.fetch import command, debian

# Names with blanks or beyond ASCII among them are none of Bazel's liking; no program here reads them.
_UNUSED = ("usr/share", "usr/lib/x86_64-linux-gnu/gconv", "etc")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lock", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)

    def act(arguments: argparse.Namespace) -> None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        debian.fetch(debian.Lock.read(arguments.lock), arguments.out, f"third_party/debian/{arguments.lock.name}")
        for name in _UNUSED:
            shutil.rmtree(arguments.out / name, ignore_errors=True)

    return command.run(parser, act, argv)


if __name__ == "__main__":
    sys.exit(main())
