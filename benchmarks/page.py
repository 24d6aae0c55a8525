"""The tables of figures, on standard output and in docs/benchmarks.md."""

from __future__ import annotations

import datetime
import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

from result import Row

_BEGIN, _END = "<!-- figures -->", "<!-- end of figures -->"


def table(rows: Sequence[Row]) -> str:
    """Returns the budgets and the figures as a Markdown table, with the notes below it."""
    lines = ["| work | budget | measured | verdict |", "| --- | --- | --- | --- |"]
    for row in rows:
        budget = "; ".join(figure.budget for figure in row.figures)
        measured = "; ".join(figure.text for figure in row.figures)
        lines.append(f"| {row.work} | {budget} | {measured} | {row.verdict} |")
    notes = [f"- {row.work}: {row.note}" for row in rows if row.note]
    return "\n".join(lines + (["", *notes] if notes else []))


def costs(rows: Sequence[Row]) -> str:
    """Returns the costs from which the figures were taken, as a Markdown table."""
    lines = ["| work | what | wall | CPU | peak memory |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        for name, cost in row.costs.items():
            lines.append(
                f"| {row.work} | {name} | {cost.wall:.2f} s | {cost.cpu:.2f} s | {cost.memory / 1e6:,.0f} MB |"
            )
    return "\n".join(lines)


def machine(repetitions: int, jobs: int) -> str:
    """Returns one sentence that says on which machine, and how often, was measured."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    name = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    cpu = " ".join((name.group(1) if name else platform.machine()).split())
    return (
        f"Measured on {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d} on {len(os.sched_getaffinity(0))} cores "
        f"({cpu}), {memory:.0f} GiB; {jobs} jobs; medians of {repetitions}."
    )


def write(page: Path, rows: Sequence[Row], where: str) -> None:
    """Replaces the figures in `page`, between two comments that it must have."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for the figures: it needs the lines {_BEGIN} and {_END}")
    body = f"\n\n{where}\n\n{table(rows)}\n\n### What the ratios are made of\n\n{costs(rows)}\n\n"
    page.write_text(before + begin + body + end + after, encoding="utf-8")
