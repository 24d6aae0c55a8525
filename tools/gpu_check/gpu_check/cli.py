"""The command line, and the table."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import machine
from .cases import CASES, SMALL
from .checker import Checker
from .errors import CheckError, one_line
from .no_toolkit import NoToolkit
from .wheels import BUNDLED, FLAT, Wheel, check_torch, read_wheel, unpack

EPILOG = """
Exit status: 0 when every number is right, 1 when one is wrong or a wheel does not work, 2 when the arguments or the
machine do not allow a check.
"""


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the arguments."""
    made = argparse.ArgumentParser(
        prog="gpu_check",
        description="Runs a built deep_gemm wheel on a Hopper GPU: are its numbers right?",
        epilog=EPILOG,
    )
    add = made.add_argument
    add("wheel", help="a deep_gemm wheel, or a vLLM wheel that bundles DeepGEMM")
    against = "another build, to compare its bits; may be repeated"
    add("--against", action="append", default=[], metavar="[LABEL=]WHEEL", help=against)
    add("--no-overlay", action="store_true", help="leave out the wheel's package as vllm/third_party/deep_gemm")
    hide = "hide the CUDA toolkit; check that every kernel of the wheel is found, right and equal to the JIT's"
    add("--no-toolkit", action="store_true", help=hide)
    add("--json", type=Path, metavar="FILE", help="write every measurement there")
    add("--seed", type=int, help="of the random data (default: a new one, printed in the table's head)")
    jobs = "processes that check numbers at a time (default: one for each core, at most 8)"
    add("--jobs", type=int, default=min(8, os.cpu_count() or 1), help=jobs)
    work = "an empty directory to unpack, compile and log in (default: temporary)"
    add("--work", type=Path, metavar="DIR", help=work)
    return made


def wheels(arguments: argparse.Namespace) -> list[Wheel]:
    """Returns the named wheels; the first is the one under test."""
    named = [read_wheel(arguments.wheel)]
    for argument in arguments.against:
        label, equals, path = argument.partition("=")
        named.append(read_wheel(path, label) if equals and not Path(argument).exists() else read_wheel(argument))
        if named[-1].label in [wheel.label for wheel in named[:-1]]:
            raise CheckError(
                f"--against: found {named[-1].label!r} twice; "
                "expected a name for every wheel; write --against LABEL=WHEEL"
            )
    if arguments.no_toolkit and arguments.against:
        raise CheckError("--against: found it with --no-toolkit; expected one wheel; leave it out")
    return named


@contextlib.contextmanager
def workplace(directory: Path | None) -> Iterator[Path]:
    """Yields `directory`, which must be empty, or a temporary one that is deleted at the end."""
    if directory is None:
        with tempfile.TemporaryDirectory(prefix="gpu_check-") as made:
            yield Path(made)
        return
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise CheckError(f"{directory}: found files; expected an empty directory; give another one, or empty it")
    yield directory.resolve()


def check_numbers(checker: Checker, named: list[Wheel], overlay: bool) -> list[dict[str, Any]]:
    """Checks every wheel, and the first one also in the layout of vLLM's wheel. Returns a column for each."""
    subjects = [(unpack(wheel, checker.work / f"site-{n}"), CASES, f"jit-{n}") for n, wheel in enumerate(named)]
    if overlay and named[0].module == FLAT:
        subjects.insert(1, (unpack(named[0], checker.work / "site-overlay", BUNDLED), SMALL, "jit-overlay"))
    return [checker.check_numbers(*subject) for subject in subjects]


def rows(columns: list[dict[str, Any]]) -> list[list[str]]:
    """Returns the table: a header, then a measurement's name and a cell for each wheel."""
    first = columns[0]["checks"]
    table = [["", *(column["label"] for column in columns)], ["DeepGEMM", *(column["version"] for column in columns)]]
    for case in CASES:
        stats = [column["checks"].get(case.name) for column in columns]
        cells = [f"{s['relative']:.1e}{' WRONG' * bool(s['problems'])}" if s else "-" for s in stats]
        table.append([f"error: {case.name}", *cells])
    right, same = ["right numbers"], [f"same bits as {columns[0]['label']}"]
    for column in columns:
        checks = column["checks"]
        both = [name for name in checks if name in first]
        right.append(f"{sum(not stats['problems'] for stats in checks.values())} of {column['asked']}")
        same.append(f"{sum(checks[name]['digest'] == first[name]['digest'] for name in both)} of {len(both)}")
    return [*table, right, same, ["kernels compiled", *(str(column["kernels"]) for column in columns)]]


def markdown(table: list[list[str]]) -> list[str]:
    """Returns rows as a Markdown table whose columns are aligned."""
    widths = [max(map(len, column)) for column in zip(*table)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in table]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def main(argv: list[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    arguments = parser().parse_args(argv)
    try:
        if arguments.jobs < 1:
            raise CheckError(f"--jobs: found {arguments.jobs}; expected 1 or more; leave it out")
        named, version = wheels(arguments), machine.torch_version()
        for wheel in named:
            check_torch(wheel, version)
        seed = secrets.randbits(32) if arguments.seed is None else arguments.seed
        head = {
            "date": str(datetime.date.today()),
            **machine.describe(needs_nvcc=not arguments.no_toolkit),
            "seed": seed,
        }
        with workplace(arguments.work) as work:
            if arguments.no_toolkit:
                checker = NoToolkit(named[0], work, seed, arguments.jobs, nvcc=head["nvcc"] != "none")
                checker.run()
                counts, table, data = checker.counts(), checker.rows(), checker.data()
            else:
                checker = Checker(work, seed, arguments.jobs)
                columns = check_numbers(checker, named, not arguments.no_overlay)
                counts, table, data = [], rows(columns), {"columns": columns, "failures": checker.failures}
    except (CheckError, OSError) as error:
        print(f"gpu_check: {one_line(str(error))}", file=sys.stderr)
        return 2
    print("\n".join([*(f"{name}: {value}" for name, value in head.items()), *counts, "", *markdown(table), ""]))
    print("\n".join(f"FAILED {failure}" for failure in checker.failures) or "all numbers right")
    if arguments.json:
        arguments.json.write_text(json.dumps({**head, **data}, indent=1) + "\n")
    return 1 if checker.failures else 0
