#!/usr/bin/env python3
"""Fetches and unpacks a lock of Debian packages whose programs are started through their own loader.

servers_tree.py --lock LOCK.json --out DIR
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "bootstrap"))

import debian

# Names with blanks or beyond ASCII among them are none of Bazel's liking; no program here reads them.
_UNUSED = ("usr/share", "usr/lib/x86_64-linux-gnu/gconv", "etc")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lock", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--error-file", type=Path)
    arguments = parser.parse_args(argv)
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
        debian.fetch(debian.Lock.read(arguments.lock), arguments.out, f"third_party/debian/{arguments.lock.name}")
        for name in _UNUSED:
            shutil.rmtree(arguments.out / name, ignore_errors=True)
    except (debian.DebianError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        if arguments.error_file:
            arguments.error_file.write_text(str(error), encoding="utf-8")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
