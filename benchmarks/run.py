#!/usr/bin/env python3
"""Measures this build against the reference and against its budgets.

    python3 benchmarks/run.py [--only ROW …] [--repetitions 3] [--jobs 2] [--config NAME …] [--root DIR]
                              [--docs DIR]

Prints the table; a run of all rows also writes docs/benchmarks.md's figures and plots, after each row, so that a run
which is stopped leaves what it has measured. The first run fetches what both builds need (about 5 GB, 8 GB on disk),
below --root, where it stays. Needs Python 3.10 or newer (torch's own oldest).
Exit code 0 when every budget was met, 1 when one was missed, 2 when something could not be measured.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import report
from bazel_rows import analysis, nothing, overlay
from bench import Bench
from compile_rows import all_pythons, header_edited, inputs, library_size, one_python
from workspace import CHECKOUT, BenchmarkError

_ROWS = {
    "all": all_pythons,
    "one": one_python,
    "nothing": nothing,
    "edit": header_edited,
    "analysis": analysis,
    "overlay": overlay,
    "size": library_size,
    "inputs": inputs,
}


def main() -> int:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=_ROWS, help="measure this row alone; may be repeated")
    parser.add_argument("--repetitions", type=int, default=3, help="measurements of each work (default: 3)")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="at a time (default: all cores)")
    parser.add_argument(
        "--config", action="append", default=[], help="for Bazel's builds, as --config; may be repeated"
    )
    parser.add_argument("--root", type=Path, default=cache / "rules_deepgemm" / "benchmarks", help="where to work")
    parser.add_argument("--docs", type=Path, help="where to write; default: docs/, for all rows without --config")
    arguments = parser.parse_args()
    if sys.version_info < (3, 10):
        print(f"error: this is Python {sys.version.split()[0]}, and torch needs 3.10 or newer: start it with one")
        return 2
    docs = arguments.docs or (None if arguments.only or arguments.config else CHECKOUT / "docs")
    bench = Bench(arguments.root.resolve(), arguments.jobs, arguments.repetitions, arguments.config)
    where = report.machine(arguments.repetitions, arguments.jobs)
    rows, failed = [], False
    for key in arguments.only or _ROWS:
        print(f"measuring: {key}", file=sys.stderr, flush=True)
        try:
            rows.append(_ROWS[key](bench))
        except BenchmarkError as error:
            print(f"error: {key}: {error}", file=sys.stderr, flush=True)
            failed = True
            continue
        if docs:
            report.write(docs, rows, where)
    bench.bazel.shutdown()
    print(where, report.table(rows), report.costs(rows), sep="\n\n")
    if failed:
        return 2
    return 0 if all(row.verdict == "met" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
