"""The one error that bad input or an unfit machine raises."""

from __future__ import annotations


class CheckError(Exception):
    """What was found, what was expected and what to do about it, in one line."""

    def __init__(self, where: str, *, found: str, expected: str, fix: str) -> None:
        super().__init__(one_line(f"{where}: found {found}; expected {expected}; {fix}"))


def one_line(text: str, limit: int = 600) -> str:
    """Text as one printable line, for tables and messages that quote what a program said."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
