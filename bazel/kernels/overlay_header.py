"""Applies a patch to one header, after checking by SHA-256 that the patch was made for exactly this header.

python3 overlay_header.py --header runtime.hpp --sha256 4d81… --patch runtime.hpp.patch --out patched/runtime.hpp
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from pathlib import Path

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@")


def apply(text: str, patch: str) -> str:
    """Returns `text` with all hunks of a one-file unified diff applied. Raises ValueError if a hunk does not fit."""
    lines, result, at = text.splitlines(keepends=True), [], 0
    for line in patch.splitlines(keepends=True)[2:]:
        hunk = _HUNK.match(line)
        if hunk:
            start = int(hunk[1]) - 1
            result += lines[at:start]
            at = start
        elif line[0] == "+":
            result.append(line[1:])
        else:
            if lines[at : at + 1] != [line[1:]]:
                raise ValueError(f"line {at + 1} is not what the patch expects")
            result += [] if line[0] == "-" else [line[1:]]
            at += 1
    return "".join(result + lines[at:])


def main(argv: list[str]) -> int:
    """Returns 0 when the header is written; prints one line on stderr and returns 1 when its SHA-256 is another one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--header", type=Path, required=True)
    parser.add_argument("--sha256", required=True, help="hash of the header that the patch was made for")
    parser.add_argument("--patch", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    data = args.header.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != args.sha256:
        print(
            f"error: {args.header}: found SHA-256 {found}; expected {args.sha256}, the header of DeepGEMM "
            "2.8.2, which the patch was made for; set kernels_ahead_of_time = False in deepgemm_extension",
            file=sys.stderr,
        )
        return 1
    args.out.write_text(apply(data.decode(), args.patch.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
