"""The table, the plots in docs/ and the figures as JSON."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

from result import Row
from svg import Group, bars

_PLOTS = (("wall", "s", "Wall time"), ("cpu", "s", "CPU time"), ("memory", "MB", "Peak memory"))
_BEGIN, _END = "<!-- figures -->", "<!-- end of figures -->"


def table(rows: Sequence[Row]) -> str:
    """The budgets as a Markdown table."""
    lines = ["| work | budget | measured | verdict |", "| --- | --- | --- | --- |"]
    for row in rows:
        budget = "; ".join(figure.budget for figure in row.figures)
        measured = "; ".join(figure.text for figure in row.figures)
        lines.append(f"| {row.work} | {budget} | {measured} | {row.verdict} |")
    notes = [f"- {row.work}: {row.note}" for row in rows if row.note]
    return "\n".join(lines + (["", *notes] if notes else []))


def costs(rows: Sequence[Row]) -> str:
    """What the ratios were made of, as a Markdown table."""
    lines = ["| work | what | wall | CPU | peak memory |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        for name, cost in row.costs.items():
            lines.append(
                f"| {row.work} | {name} | {cost.wall:.2f} s | {cost.cpu:.2f} s | {cost.memory / 1e6:,.0f} MB |"
            )
    return "\n".join(lines)


def machine(repetitions: int, jobs: int) -> str:
    """Where and how it was measured, in one sentence."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    name = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    cpu = " ".join((name.group(1) if name else platform.machine()).split())
    return (
        f"Measured on {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d} on {len(os.sched_getaffinity(0))} cores "
        f"({cpu}), {memory:.0f} GiB; {jobs} jobs; medians of {repetitions}."
    )


def write(docs: Path, rows: Sequence[Row], where: str) -> None:
    """Replaces the figures in docs/benchmarks.md, and the plots and the JSON beside it."""
    place = docs / "benchmarks"
    place.mkdir(parents=True, exist_ok=True)
    data = {"measured": where, "rows": [{**dataclasses.asdict(row), "verdict": row.verdict} for row in rows]}
    (place / "figures.json").write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _plots(place, rows)
    page = docs / "benchmarks.md"
    before, begin, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for the figures: it needs the lines {_BEGIN} and {_END}")
    plots = "\n".join(f"![{plot.stem}](benchmarks/{plot.name})" for plot in sorted(place.glob("*.svg")))
    body = f"\n\n{where}\n\n{table(rows)}\n\n{plots}\n\n### What the ratios are made of\n\n{costs(rows)}\n\n"
    page.write_text(before + begin + body + end + after, encoding="utf-8")


def _plots(place: Path, rows: Sequence[Row]) -> None:
    compared = [row for row in rows if "reference" in row.costs]
    if compared:
        for name, unit, title in _PLOTS:
            groups = []
            for row in compared:
                values = [getattr(row.costs[series], name) / (1e6 if unit == "MB" else 1) for series in row.costs]
                groups.append(Group(_short(row.work), [(value, f"{value:,.0f} {unit}") for value in values]))
            bars(place / f"{name}.svg", f"{title}, reference and Bazel", list(compared[0].costs), groups)
    groups = [
        Group(
            _short(f"{figure.name}: {row.work}" if figure.name else row.work),
            [(figure.value / figure.limit, figure.text)],
        )
        for row in rows
        for figure in row.figures
    ]
    bars(place / "budgets.svg", "Measured, as a part of the budget", ["measured"], groups, limit=1.0)


def _short(work: str) -> str:
    text = work.partition(",")[0].partition(" from ")[0].replace("`", "")
    return text if len(text) <= 36 else text[:35] + "…"
