"""A row of the table: a piece of work, its budgets, the figures measured, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field

from measure import Cost

TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True)
class Figure:
    """One measured number that has a budget."""

    name: str
    value: float
    limit: float
    unit: str
    below: bool = False
    """Whether the value must be below the limit. Default: False, it may equal the limit."""

    @property
    def met(self) -> bool:
        return self.value < self.limit if self.below else self.value <= self.limit

    @property
    def text(self) -> str:
        return f"{self.name} {_number(self.value, self.unit)}".strip()

    @property
    def budget(self) -> str:
        return f"{self.name} {'<' if self.below else '≤'} {_number(self.limit, self.unit)}".strip()


def _number(value: float, unit: str) -> str:
    if unit == "files":
        return f"{value:,.0f} files"
    return f"{value:.2f} {unit}" if unit in ("s", TIMES) else f"{value:.0f} {unit}"


@dataclass(frozen=True)
class Row:
    """A row. `costs` has, by name, the costs from which the figures were taken."""

    key: str
    work: str
    figures: tuple[Figure, ...]
    costs: dict[str, Cost] = field(default_factory=dict)
    note: str = ""

    @property
    def verdict(self) -> str:
        missed = [figure for figure in self.figures if not figure.met]
        names = ", ".join(figure.name for figure in missed if figure.name)
        return ("missed: " + names if names else "missed") if missed else "met"
