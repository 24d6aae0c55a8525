"""The command line of tools/kernels."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from wheel_tools.errors import WheelError

from kernel_tools import cache
from kernel_tools.lists import KernelList, unique


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the arguments."""
    made = argparse.ArgumentParser(prog="kernels", description="Lists of DeepGEMM's kernels, for deepgemm_kernels.")
    commands = made.add_subparsers(dest="command", required=True)
    record = commands.add_parser("record", help="list the kernels in a cache that a server filled")
    record.add_argument("cache", type=Path, help="the value of DG_JIT_CACHE_DIR, or ~/.dj without it")
    record.add_argument(
        "--entries",
        type=Path,
        metavar="DIR",
        help="also copy source, flags and compiler of each entry to DIR, for tests",
    )
    record.add_argument(
        "--deepgemm", required=True, metavar="VERSION", help="version of the DeepGEMM that ran, such as 2.8.2"
    )
    record.add_argument("--num-sms", required=True, type=int, metavar="N", help="SMs: 132 for an H100 or H200")
    record.add_argument("--out", required=True, type=Path, metavar="FILE", help="list to write, a .jsonl file")
    return made


def _copy(found: list[cache.Entry], out: Path) -> None:
    """Copies what a test needs to recompute a key: source, flags, compiler text; not the cubin or the path of nvcc."""
    for entry in found:
        to = out / entry.directory.name
        to.mkdir(parents=True)
        shutil.copyfile(entry.directory / "kernel.cu", to / "kernel.cu")
        facts = {"flags": entry.kernel.flags, "compiler": entry.compiler}
        (to / "entry.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def main(argv: list[str]) -> int:
    """Returns 0 when the list is written; prints one line on stderr and returns 1 otherwise."""
    args = parser().parse_args(argv)
    try:
        found = list(cache.entries(args.cache))
        kernels = [entry.kernel for entry in found]
        if not kernels:
            raise WheelError(
                str(args.cache),
                found="no kernel",
                expected="at least one",
                fix="call the products that need kernels first",
            )
        KernelList(kernels, args.deepgemm, args.num_sms).write(args.out)
        if args.entries:
            _copy(found, args.entries)
    except (WheelError, OSError) as error:
        print(f"kernels: {error}", file=sys.stderr)
        return 1
    architectures = ", ".join(sorted({kernel.arch for kernel in kernels}))
    print(f"{args.out}: {len(unique(kernels))} kernels of DeepGEMM {args.deepgemm} for {architectures}")
    return 0
