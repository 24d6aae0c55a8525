"""Writes headers.bzl: DeepGEMM's headers that csrc/python_api.cpp can reach, out of 900 that are mostly for the JIT.

python3 -m bazel.deepgemm.headers --src DIR --out headers.bzl
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bazel.fetch import command
from bazel.fetch.reachable import reachable

_ROOTS = ("csrc", "deep_gemm/include", "third-party/cutlass/include", "third-party/deep_jit/include")
_ENTRY = "csrc/python_api.cpp"


def host_headers(src: Path) -> list[str]:
    """Sorted paths relative to `src`: what the entry file reaches, and all of csrc, whose files include each other."""
    src = src.absolute()
    found = reachable([src / _ENTRY], [src / root for root in _ROOTS])
    csrc = {path for path in (src / "csrc").rglob("*") if path.is_file() and path.suffix != ".cpp"}
    return sorted(path.relative_to(src).as_posix() for path in (found | csrc) - {src / _ENTRY})


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--src", type=Path, required=True, help="DeepGEMM's source")
    parser.add_argument("--out", type=Path, required=True)

    def act(args: argparse.Namespace) -> None:
        lines = ['"""Headers that DeepGEMM can reach; written by the repository rule."""\n', "HOST_HEADERS = ["]
        lines += [f'    "src/{header}",' for header in host_headers(args.src)]
        args.out.write_text("\n".join(lines) + "\n]\n", encoding="utf-8")

    return command.run(parser, act, argv)


if __name__ == "__main__":
    sys.exit(main())
