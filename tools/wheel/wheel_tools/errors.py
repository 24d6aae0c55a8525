"""The one error that bad input raises."""

from __future__ import annotations


class WheelError(Exception):
    """Input that cannot be used. Its text is one line; command.run prints it without a traceback.

    Args:
        where: The file, member or option at fault.
        found: What was found there.
        expected: What should have been there.
        fix: What to do about it.
    """

    def __init__(self, where: str, *, found: str, expected: str, fix: str) -> None:
        self.where = printable(where)
        self.found = printable(found)
        self.expected = printable(expected)
        self.fix = printable(fix)
        super().__init__(f"{self.where}: found {self.found}; expected {self.expected}; {self.fix}")


def printable(text: str, limit: int = 1200) -> str:
    """The text on one line, safe to print wherever it comes from.

    Line breaks, terminal escapes and lone surrogates become Python escapes; what is beyond `limit` characters is cut.
    """
    clean = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return clean if len(clean) <= limit else clean[:limit] + "…"
