"""Writes headers.bzl: DeepGEMM's headers that csrc/python_api.cpp can reach, out of 900 that are mostly for the JIT.

python3 headers.py --src DIR --out headers.bzl
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from reachable import reachable

_ROOTS = ("csrc", "deep_gemm/include", "third-party/cutlass/include", "third-party/deep_jit/include")
_ENTRY = "csrc/python_api.cpp"


def host_headers(src: Path) -> list[str]:
    """Paths relative to `src`, sorted; all of csrc is there, since one of its files may include another tomorrow."""
    src = src.absolute()
    found = reachable([src / _ENTRY], [src / root for root in _ROOTS])
    csrc = {path for path in (src / "csrc").rglob("*") if path.is_file() and path.suffix != ".cpp"}
    return sorted(path.relative_to(src).as_posix() for path in (found | csrc) - {src / _ENTRY})


def main(argv: list[str]) -> int:
    """Exit code 0 when the file is written, 1 with one line on stderr (or in --error-file) when not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--src", type=Path, required=True, help="DeepGEMM's source")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--error-file", type=Path, help="where the error goes instead of stderr")
    args = parser.parse_args(argv)
    try:
        lines = ['"""Headers that DeepGEMM can reach; written by the repository rule."""\n', "HOST_HEADERS = ["]
        lines += [f'    "src/{header}",' for header in host_headers(args.src)]
        args.out.write_text("\n".join(lines) + "\n]\n", encoding="utf-8")
    except OSError as error:
        if args.error_file:
            args.error_file.write_text(str(error), encoding="utf-8")
        else:
            print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
