"""The one error that bad input raises."""

from __future__ import annotations


class WheelError(Exception):
    """Input that cannot be used: what was found, what was expected, and what to do about it.

    The text is one line, for the person who made the mistake; a command prints it and exits,
    without a traceback.
    """

    def __init__(self, where: str, *, found: str, expected: str, fix: str) -> None:
        self.where = _one_line(where)
        self.found = _one_line(found)
        self.expected = _one_line(expected)
        self.fix = _one_line(fix)
        super().__init__(f"{self.where}: found {self.found}; expected {self.expected}; {self.fix}")


def _one_line(text: str) -> str:
    # What is quoted comes out of files that anyone may have written: no line breaks, no terminal
    # escapes, no lone surrogates, and no flood.
    clean = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return clean if len(clean) <= 1200 else clean[:1200] + "…"
