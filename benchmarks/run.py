#!/usr/bin/env python3
"""Measures this build against the reference and against its budgets.

    python3 benchmarks/run.py [--only ROW …] [--repetitions 3] [--jobs 2] [--config NAME …] [--root DIR]

Prints the tables. A run of all rows also writes them into docs/benchmarks.md, after each row, so that a run which is
stopped keeps its figures. The first run fetches what both builds need (about 5 GB, 8 GB on disk) into --root and keeps
it there. Needs Python 3.10 or newer, as torch does.
Exit code 0 when every budget was met, 1 when one was missed, 2 when something could not be measured.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import page
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
    parser.add_argument("--only", action="append", choices=_ROWS, help="measure only this row; may be repeated")
    parser.add_argument("--repetitions", type=int, default=3, help="measurements of each row (default: 3)")
    parser.add_argument(
        "--jobs", type=int, default=len(os.sched_getaffinity(0)), help="actions at a time (default: all cores)"
    )
    parser.add_argument(
        "--config", action="append", default=[], help="for Bazel's builds, as --config; may be repeated"
    )
    parser.add_argument("--root", type=Path, default=cache / "rules_deepgemm" / "benchmarks", help="working directory")
    arguments = parser.parse_args()
    if sys.version_info < (3, 10):
        print(f"error: this is Python {sys.version.split()[0]}; expected 3.10 or newer, which torch needs: use one")
        return 2
    written = None if arguments.only or arguments.config else CHECKOUT / "docs" / "benchmarks.md"
    bench = Bench(arguments.root.resolve(), arguments.jobs, arguments.repetitions, arguments.config)
    where = page.machine(arguments.repetitions, arguments.jobs)
    rows, failed = [], False
    for key in arguments.only or _ROWS:
        print(f"measuring: {key}", file=sys.stderr, flush=True)
        try:
            rows.append(_ROWS[key](bench))
        except BenchmarkError as error:
            print(f"error: {key}: {error}", file=sys.stderr, flush=True)
            failed = True
            continue
        if written:
            page.write(written, rows, where)
    bench.bazel.shutdown()
    print(where, page.table(rows), page.costs(rows), sep="\n\n")
    if failed:
        return 2
    return 0 if all(row.verdict == "met" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
