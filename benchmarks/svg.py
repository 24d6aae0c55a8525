"""Bar charts as SVG, with the standard library alone; readable on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

_WIDTH, _LEFT, _RIGHT, _BAR, _GAP, _TOP = 760, 250, 90, 18, 14, 46
_COLORS = ("#8a8f98", "#2f81f7")
_STYLE = """<style>
  text { font: 13px system-ui, sans-serif; fill: #57606a; }
  .title { font-weight: 600; font-size: 15px; }
  .limit { stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 5 4; }
  @media (prefers-color-scheme: dark) { text { fill: #b1bac4; } }
</style>"""


@dataclass(frozen=True)
class Group:
    """Bars that belong together: a name, and a value with its text for each series (None: no bar)."""

    name: str
    values: Sequence[tuple[float, str] | None]


def bars(path: Path, title: str, series: Sequence[str], groups: Sequence[Group], limit: float | None = None) -> None:
    """Writes a chart of horizontal bars from zero on; `limit` draws a line at that value."""
    largest = max([limit or 0.0, *(value[0] for group in groups for value in group.values if value)]) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / largest
    parts, y = [], _TOP + (22 if len(series) > 1 else 0)
    first = y
    for group in groups:
        middle = y + len(group.values) * _BAR / 2 + 4
        parts.append(f'<text x="{_LEFT - 10}" y="{middle:.1f}" text-anchor="end">{escape(group.name)}</text>')
        for index, value in enumerate(group.values):
            if value:
                color = _COLORS[-1] if len(series) == 1 else _COLORS[index]
                width = value[0] * scale
                parts.append(
                    f'<rect x="{_LEFT}" y="{y + 1}" width="{width:.1f}" height="{_BAR - 2}" rx="2" fill="{color}"/>'
                    f'<text x="{_LEFT + width + 6:.1f}" y="{y + 14}">{escape(value[1])}</text>'
                )
            y += _BAR
        y += _GAP
    if limit is not None:
        x = _LEFT + limit * scale
        parts.append(f'<line class="limit" x1="{x:.1f}" y1="{first - 6}" x2="{x:.1f}" y2="{y - _GAP + 6}"/>')
    if len(series) > 1:
        for index, name in enumerate(series):
            x = _LEFT + index * 170
            parts.append(
                f'<rect x="{x}" y="{_TOP - 6}" width="12" height="12" rx="2" fill="{_COLORS[index]}"/>'
                f'<text x="{x + 18}" y="{_TOP + 4}">{escape(name)}</text>'
            )
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" role="img" aria-label="{escape(title)}">\n'
        f'{_STYLE}\n<text class="title" x="10" y="24">{escape(title)}</text>\n' + "\n".join(parts) + "\n</svg>\n",
        encoding="utf-8",
    )
