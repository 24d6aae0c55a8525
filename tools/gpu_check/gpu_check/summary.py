"""The results of a run: a table in Markdown, and a JSON object with every measurement."""

from __future__ import annotations

from typing import Any

from .cases import CASES, FIRST_CALLS, OVERLAY_CASES
from .driver import Result, Run

DASH = "-"
# A call that takes this much more host time than with another wheel is reported as SLOWER.
HOST_DIFFERENCE = 0.05


def rows(run: Run) -> list[list[str]]:
    """Returns the table: a header, then rows of a measurement's name, its unit and a cell for each subject."""
    results = run.results
    table = [["", "unit", *(result.subject.label for result in results)]]

    def add(what: str, unit: str, cell: Any) -> None:
        table.append([what, unit, *(cell(result) for result in results)])

    add("DeepGEMM", "version", lambda r: r.imports.get("version", "fails"))
    for name in CASES:
        add(f"error: {name}", "relative", lambda r, name=name: _check(r, name))
    add("right numbers", "cases", _right)
    add(f"same bits as {results[0].subject.label}", "cases", lambda r: _same(r, results[0]))
    add("kernels compiled", "number", lambda r: str(r.kernels))
    add("import, after torch's", "ms", lambda r: _milli(r.imports.get("seconds")))
    for case in FIRST_CALLS:
        for key, words in (("jit", "first call, JIT"), ("cached", "first call, cached"), ("warm", "warm call")):
            add(f"{words}: {case.name}", "ms", lambda r, c=case, k=key: _milli(r.first.get(c.name, {}).get(k)))
    for name, case in CASES.items():
        if case.use == "host":
            add(f"host clock a call: {name}", "µs", lambda r, n=name: _host(r, n, "host_seconds", results[0]))
            add(f"CUDA events a call: {name}", "µs", lambda r, n=name: _host(r, n, "event_seconds", results[0]))
    if run.again.host:
        noise = max(abs(difference(run.again, results[0], name)) for name in run.again.host if name in results[0].host)
        add("host clock, the same wheel again", "%", lambda r: f"≤ {noise:.1%}" if r is results[0] else DASH)
    for name, case in CASES.items():
        if case.use == "rate":
            add(f"rate: {name}", "TFLOP/s", lambda r, n=name, d=case.dtype: _rate(run, r, n, d))
    return table


def difference(result: Result, first: Result, name: str) -> float:
    """Returns the relative difference in host time of a call from the first subject's."""
    return result.host[name]["host_seconds"] / first.host[name]["host_seconds"] - 1


def slower(run: Run) -> list[str]:
    """Returns the calls that take over 5 % more host time with the wheel under test than with another one."""
    first, lines = run.results[0], []
    for result in run.results:
        for name in result.host:
            if result is not first and name in first.host:
                more = 1 / (1 + difference(result, first, name)) - 1
                if more > HOST_DIFFERENCE:
                    lines.append(f"{name}: {more:.1%} more host time than {result.subject.label}")
    return lines


def failures(run: Run) -> list[tuple[str, str, str]]:
    """Returns every failure: the subject's label, the case or stage, and the error."""
    return [(r.subject.label, what, error) for r in [*run.results, run.again] for what, error in r.failures]


def text(machine: dict[str, str], run: Run) -> str:
    """Returns the machine, the table and the failures as text."""
    lines = [f"{name}: {value}" for name, value in machine.items()]
    lines += [f"{dtype} rate of this card: {rate / 1e12:.0f} TFLOP/s" for dtype, rate in run.ceilings.items()]
    lines += ["", *markdown(rows(run)), ""]
    lines += [f"SLOWER {line}" for line in slower(run)]
    # A wheel that does not run at all fails with the same error in every case: one line for all.
    wrong: dict[tuple[str, str], list[str]] = {}
    for label, what, error in failures(run):
        wrong.setdefault((label, error), []).append(what)
    for (label, error), whats in wrong.items():
        more = f" and {len(whats) - 3} more" if len(whats) > 3 else ""
        lines.append(f"WRONG {label}: {', '.join(whats[:3])}{more}: {error}")
    lines.append(f"{sum(map(len, wrong.values()))} failures" if wrong else "all numbers right")
    return "\n".join(lines)


def markdown(table: list[list[str]]) -> list[str]:
    """Returns rows as a Markdown table whose columns are aligned."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in table]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in cells]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def data(machine: dict[str, str], run: Run) -> dict[str, Any]:
    """Returns every measurement, for --json."""

    def one(result: Result) -> dict[str, Any]:
        return {
            "label": result.subject.label,
            "module": result.subject.module,
            "imports": result.imports,
            "checks": result.checks,
            "first": result.first,
            "host": result.host,
            "rate": result.rate,
            "kernels": result.kernels,
            "failures": result.failures,
        }

    return {
        "machine": machine,
        "seed": run.seed,
        "ceilings": run.ceilings,
        "results": [one(result) for result in run.results],
        "again": one(run.again),
        "right": not failures(run),
    }


def _check(result: Result, name: str) -> str:
    stats = result.checks.get(name)
    if stats is None:
        return DASH if _not_asked(result, name) else "FAILED"
    return f"{stats['relative']:.1e}" + (" WRONG" if stats["problems"] else "")


def _not_asked(result: Result, name: str) -> bool:
    return result.subject.partial and CASES[name] not in OVERLAY_CASES


def _right(result: Result) -> str:
    asked = sum(not _not_asked(result, name) for name in CASES)
    return f"{sum(not stats['problems'] for stats in result.checks.values())} of {asked}"


def _same(result: Result, first: Result) -> str:
    both = [name for name in result.checks if name in first.checks]
    if result is first or not both:
        return DASH
    return f"{sum(result.checks[n]['digest'] == first.checks[n]['digest'] for n in both)} of {len(both)}"


def _milli(seconds: float | None) -> str:
    if seconds is None:
        return DASH
    return f"{seconds * 1e3:.0f}" if seconds >= 0.1 else f"{seconds * 1e3:.3g}"


def _host(result: Result, name: str, key: str, first: Result) -> str:
    if name not in result.host:
        return DASH
    cell = f"{result.host[name][key] * 1e6:.2f}"
    if result is not first and name in first.host:
        cell += f" ({result.host[name][key] / first.host[name][key] - 1:+.1%})"
    return cell


def _rate(run: Run, result: Result, name: str, dtype: str) -> str:
    if name not in result.rate:
        return DASH
    rate = result.rate[name]["flops_per_second"]
    share = f" ({rate / run.ceilings[dtype]:.0%})" if dtype in run.ceilings else ""
    return f"{rate / 1e12:.0f}{share}"
