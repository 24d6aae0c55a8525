"""What a check reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One defect: where it is, what was found, what was required, and how to mend it.

    `rule` is stable: scripts may match on it. docs/wheel-check.md lists all of them.
    """

    rule: str
    path: str
    found: str
    required: str
    remedy: str

    def __post_init__(self) -> None:
        # All of this quotes bytes that anyone may have written.
        for name in ("path", "found", "required", "remedy"):
            object.__setattr__(self, name, printable(getattr(self, name)))


def printable(text: str, limit: int = 600) -> str:
    """The text on one line: no control characters, no terminal escapes, no flood."""
    clean = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: limit + 1])
    return clean if len(text) <= limit else clean[:limit] + "…"
