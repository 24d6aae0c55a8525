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
    """The arguments."""
    made = argparse.ArgumentParser(prog="kernels", description="Lists of DeepGEMM's kernels, for deepgemm_kernels.")
    commands = made.add_subparsers(dest="command", required=True)
    record = commands.add_parser("record", help="list the kernels in a cache that a server filled")
    record.add_argument("cache", type=Path, help="what DG_JIT_CACHE_DIR names; without it, ~/.dj")
    record.add_argument("--entries", type=Path, metavar="DIR", help="also copy each entry, without its path, for tests")
    misses = commands.add_parser("misses", help="merge reports of DG_JIT_AOT_REPORT, and lists")
    misses.add_argument("reports", type=Path, nargs="+", help="reports or lists")
    for command in (record, misses):
        command.add_argument(
            "--deepgemm", required=True, metavar="VERSION", help="which DeepGEMM it was, such as 2.8.2"
        )
        command.add_argument("--num-sms", required=True, type=int, metavar="N", help="132 for an H100 or H200")
        command.add_argument("--out", required=True, type=Path, metavar="FILE", help="the list, a file ….jsonl")
    return made


def _copy(found: list[cache.Entry], out: Path) -> None:
    """What a test recomputes keys from: source, flags, compiler's text. The path of nvcc and the cubin stay behind."""
    for entry in found:
        to = out / entry.directory.name
        to.mkdir(parents=True)
        shutil.copyfile(entry.directory / "kernel.cu", to / "kernel.cu")
        facts = {"flags": entry.kernel.flags, "compiler": entry.compiler}
        (to / "entry.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def main(argv: list[str]) -> int:
    """Exit code 0 when the list is written, 1 with one line on stderr when there is nothing to list."""
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
            raise WheelError(where, found="no kernel", expected="at least one", fix="call what needs them first")
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
                fix=f"give --{name} {found}, or another list",
            )
