"""The result of a check: a table for people, JSON for programs.

docs/wheel-check.md has the JSON's schema. SCHEMA changes when a field changes its meaning or goes away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from wheel_tools.checks.modules import stable_abi_level
from wheel_tools.errors import printable
from wheel_tools.examine import Library, Wheel
from wheel_tools.findings import Finding
from wheel_tools.interpreters import Interpreter, listed

SCHEMA = 1
_HEADER = ("module", "Python", "file", "size", "newest GLIBC", "compiled for", "verdict")


@dataclass(frozen=True)
class Row:
    """One module for one Python: the file that this Python loads, and its verdict."""

    module: str
    python: str
    # None where this Python finds no file.
    file: str | None = None
    # In bytes.
    size: int | None = None
    # The newest GLIBC version required, or "none".
    glibc: str | None = None
    compiled_for: str | None = None
    # "ok", "missing", "unproven", or the rules of the findings about the file.
    verdict: str = "missing"


@dataclass
class Report:
    """The result for one wheel."""

    wheel: str
    # "clean", "findings" or "unreadable".
    verdict: str
    pythons: list[str] = field(default_factory=list)
    # Module → "abi3", "per-python", "plain" or "mixed".
    modules: dict[str, str] = field(default_factory=dict)
    # The libraries that register operators with torch and are no modules.
    operators: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    accepted: list[Finding] = field(default_factory=list)
    # What cannot be decided from the files.
    unproven: list[Finding] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        return {"clean": 0, "findings": 1, "unreadable": 2}[self.verdict]

    def as_json(self) -> dict:
        lists = ("findings", "accepted", "unproven")
        return {
            "wheel": self.wheel,
            "verdict": self.verdict,
            "pythons": self.pythons,
            "modules": self.modules,
            "operators": self.operators,
            "table": [asdict(row) for row in self.rows],
            **{name: [finding.as_json() for finding in getattr(self, name)] for name in lists},
        }


def report_on(wheel: Wheel, findings: list[Finding], accepted: list[Finding], unproven: list[Finding]) -> Report:
    """The report of a wheel that could be read."""
    return Report(
        printable(wheel.file_name),
        "findings" if findings else "clean",
        list(map(str, wheel.interpreters)),
        _kinds(wheel),
        [printable(library.path) for library in wheel.libraries if library.is_operators],
        list(_rows(wheel, findings, unproven)),
        findings,
        accepted,
        unproven,
    )


def _rows(wheel: Wheel, findings: list[Finding], unproven: list[Finding]) -> Iterator[Row]:
    rules: dict[str, dict[str, None]] = {}
    for finding in findings:
        rules.setdefault(finding.path, {})[finding.rule] = None
    for finding in unproven:
        rules.setdefault(finding.path, {"unproven": None})
    for module, files in wheel.module_groups():
        for python in wheel.interpreters:
            found = [wheel.provider(files, python, platform) for platform in wheel.targets(files)]
            if None in found:
                yield Row(printable(module), str(python))
                continue
            # A wheel for glibc and musl may have a file for each.
            library, path = found[0], printable(found[0].path)
            yield Row(
                printable(module),
                str(python),
                printable(library.base),
                library.size,
                (library.elf.newest("GLIBC") or "none") if library.elf else None,
                _compiled_for(library),
                ", ".join(rules.get(path, ["ok"])),
            )


def _compiled_for(library: Library) -> str | None:
    if library.elf is None:
        return None
    if library.name.kind in ("abi3", "abi3t"):
        level = stable_abi_level(library.elf)
        return f"{library.name.kind} >= 3.{level}" if level is not None else None
    return str(library.compiled) if library.compiled else None


def _kinds(wheel: Wheel) -> dict[str, str]:
    names = {"soabi": "per-python", "abi3": "abi3", "abi3t": "abi3", "plain": "plain"}
    result = {}
    for module, files in wheel.module_groups():
        kinds = {names.get(f.name.kind, "mixed") for f in files}
        result[printable(module)] = kinds.pop() if len(kinds) == 1 else "mixed"
    return result


def as_text(report: Report) -> str:
    """The report for a terminal."""
    lines = [f"{report.wheel}: {report.verdict}"]
    if report.rows:
        cells = [_HEADER, *map(_cells, _merged(report.rows))]
        widths = [max(len(line[i]) for line in cells) for i in range(len(_HEADER))]
        for line in cells:
            padded = (cell.rjust(w) if i == 3 else cell.ljust(w) for i, (cell, w) in enumerate(zip(line, widths)))
            lines.append("  " + "  ".join(padded).rstrip())
    elif report.modules:
        lines.append("  " + ", ".join(report.modules) + ": no known CPython installs the wheel")
    elif report.verdict != "unreadable":
        lines.append("  no extension modules")
    if report.operators:
        lines.append("  operator libraries: " + ", ".join(report.operators))
    for finding in report.findings:
        lines += ["", f"  {finding.rule}: {finding.path}", f"    found:    {finding.found}"]
        lines += [f"    required: {finding.required}", f"    fix:      {finding.remedy}"]
    for title, findings in (("accepted, as asked", report.accepted), ("not proven (see --strict)", report.unproven)):
        if findings:
            lines += ["", f"  {title}:", *(f"    {f.rule}: {f.path}: {f.found}" for f in findings)]
    return "\n".join(lines)


def _cells(merged: tuple[Row, str]) -> tuple[str, ...]:
    row, pythons = merged
    size = f"{row.size:,}" if row.size is not None else "-"
    return row.module, pythons, row.file or "-", size, row.glibc or "-", row.compiled_for or "-", row.verdict


def _merged(rows: list[Row]) -> list[tuple[Row, str]]:
    """Merges rows that differ only in the Python: 3.11, 3.13-3.14."""
    result: list[tuple[Row, list[str]]] = []
    for row in rows:
        if result and (result[-1][0].module, result[-1][0].file) == (row.module, row.file):
            result[-1][1].append(row.python)
        else:
            result.append((row, [row.python]))
    return [(row, listed([Interpreter.parse(python) for python in pythons])) for row, pythons in result]
