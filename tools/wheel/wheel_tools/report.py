"""The result of a check: as a table for people, as JSON for programs.

The JSON's schema is in docs/wheel-check.md; SCHEMA changes when a field changes its meaning or
goes away.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from wheel_tools.checks.coverage import provider, stable_abi_level
from wheel_tools.examine import Library, Wheel
from wheel_tools.findings import Finding, printable

SCHEMA = 1


@dataclass(frozen=True)
class Row:
    """One cell of module by Python: the file that this Python loads, and how it fares."""

    module: str
    python: str
    file: str | None
    size: int | None
    glibc: str | None
    compiled_for: str | None
    # "ok", "missing", or the rules of the findings about the file.
    verdict: str


@dataclass
class Report:
    wheel: str
    # "clean", "findings" or "unreadable".
    verdict: str
    pythons: list[str] = field(default_factory=list)
    # Module → "abi3", "per-python", "plain" or "mixed".
    modules: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    accepted: list[Finding] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        return {"clean": 0, "findings": 1, "unreadable": 2}[self.verdict]

    def as_json(self) -> dict:
        return {
            "wheel": self.wheel,
            "verdict": self.verdict,
            "pythons": self.pythons,
            "modules": self.modules,
            "table": [asdict(row) for row in self.rows],
            "findings": [asdict(finding) for finding in self.findings],
            "accepted": [asdict(finding) for finding in self.accepted],
        }


def rows_of(wheel: Wheel, findings: list[Finding]) -> list[Row]:
    rules: dict[str, list[str]] = {}
    for finding in findings:
        mine = rules.setdefault(finding.path, [])
        if finding.rule not in mine:
            mine.append(finding.rule)
    rows = []
    for module, files in wheel.module_groups():
        for minor in wheel.installable:
            library = provider(files, minor)
            if library is None:
                rows.append(Row(printable(module), f"3.{minor}", None, None, None, None, "missing"))
                continue
            rows.append(
                Row(
                    printable(module),
                    f"3.{minor}",
                    printable(library.path.rpartition("/")[2]),
                    library.size,
                    (library.elf.newest("GLIBC") or "none") if library.elf else None,
                    _compiled_for(library),
                    ", ".join(rules.get(printable(library.path), ["ok"])),
                )
            )
    return rows


def _compiled_for(library: Library) -> str | None:
    if library.elf is None:
        return None
    if library.name.kind == "abi3":
        level = stable_abi_level(library.elf)
        return f"abi3 >= 3.{level}" if level is not None else None
    return str(library.compiled) if library.compiled else None


def kinds_of(wheel: Wheel) -> dict[str, str]:
    names = {"soabi": "per-python", "abi3": "abi3", "plain": "plain"}
    result = {}
    for module, files in wheel.module_groups():
        kinds = {names.get(f.name.kind, "mixed") for f in files}
        result[printable(module)] = kinds.pop() if len(kinds) == 1 else "mixed"
    return result


def as_text(report: Report) -> str:
    lines = [f"{report.wheel}: {report.verdict}"]
    if report.rows:
        header = ("module", "Python", "file", "size", "newest GLIBC", "compiled for", "verdict")
        cells = [header] + [
            (
                row.module,
                pythons,
                row.file or "-",
                f"{row.size:,}" if row.size is not None else "-",
                row.glibc or "-",
                row.compiled_for or "-",
                row.verdict,
            )
            for row, pythons in _merged(report.rows)
        ]
        widths = [max(len(line[i]) for line in cells) for i in range(len(header))]
        lines += [
            "  "
            + "  ".join(
                cell.rjust(width) if i == 3 else cell.ljust(width) for i, (cell, width) in enumerate(zip(line, widths))
            ).rstrip()
            for line in cells
        ]
    elif report.verdict != "unreadable":
        lines.append("  no extension modules")
    for finding in report.findings:
        lines += [
            "",
            f"  {finding.rule}: {finding.path}",
            f"    found:    {finding.found}",
            f"    required: {finding.required}",
            f"    mend:     {finding.remedy}",
        ]
    if report.accepted:
        lines += ["", "  accepted, as asked:"]
        lines += [f"    {finding.rule}: {finding.path}: {finding.found}" for finding in report.accepted]
    return "\n".join(lines)


def _merged(rows: list[Row]) -> list[tuple[Row, str]]:
    """Rows that differ in the Python alone, as one: 3.11-3.14."""
    result: list[tuple[Row, list[str]]] = []
    for row in rows:
        if result and row.file and (result[-1][0].module, result[-1][0].file) == (row.module, row.file):
            result[-1][1].append(row.python)
        else:
            result.append((row, [row.python]))
    return [(row, pythons[0] if len(pythons) == 1 else f"{pythons[0]}-{pythons[-1]}") for row, pythons in result]
