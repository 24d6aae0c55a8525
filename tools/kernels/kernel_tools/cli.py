"""The command line of tools/kernels."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from wheel_tools.errors import WheelError

from kernel_tools import cache
from kernel_tools.lists import KernelList, read, unique


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
    misses = commands.add_parser("misses", help="merge reports of missing kernels (DG_JIT_AOT_REPORT) and lists")
    misses.add_argument("reports", type=Path, nargs="+", help="reports or lists")
    for command in (record, misses):
        command.add_argument(
            "--deepgemm", required=True, metavar="VERSION", help="version of the DeepGEMM that ran, such as 2.8.2"
        )
        command.add_argument("--num-sms", required=True, type=int, metavar="N", help="SMs: 132 for an H100 or H200")
        command.add_argument("--out", required=True, type=Path, metavar="FILE", help="list to write, a .jsonl file")
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
        if args.command == "record":
            found = list(cache.entries(args.cache))
            kernels = [entry.kernel for entry in found]
            where = str(args.cache)
        else:
            lists = [read(path) for path in args.reports]
            for path, listed in zip(args.reports, lists):
                _same(path, listed, args)
            kernels = [kernel for listed in lists for kernel in listed.kernels]
            where = ", ".join(map(str, args.reports))
        if not kernels:
            raise WheelError(
                where, found="no kernel", expected="at least one", fix="call the products that need kernels first"
            )
        KernelList(kernels, args.deepgemm, args.num_sms).write(args.out)
        if args.command == "record" and args.entries:
            _copy(found, args.entries)
    except (WheelError, OSError) as error:
        print(f"kernels: {error}", file=sys.stderr)
        return 1
    architectures = ", ".join(sorted({kernel.arch for kernel in kernels}))
    print(f"{args.out}: {len(unique(kernels))} kernels of DeepGEMM {args.deepgemm} for {architectures}")
    return 0


def _same(path: Path, listed: KernelList, args: argparse.Namespace) -> None:
    for name, found, wanted in (
        ("deepgemm", listed.deepgemm, args.deepgemm),
        ("num-sms", listed.num_sms, args.num_sms),
    ):
        if found not in (None, wanted):
            raise WheelError(
                str(path),
                found=f"{name} {found}",
                expected=f"{name} {wanted}",
                fix=f"pass --{name} {found}, or another list",
            )
