"""The errors: one for bad input or a machine on which nothing can be checked, one for what a wheel does."""

from __future__ import annotations


class CheckError(Exception):
    """One line: what was found, what was expected and what to do."""


class WorkerError(Exception):
    """A request that a wheel's process failed or did not answer: a result of the check, not a bug of the program."""


def one_line(text: str, limit: int = 600) -> str:
    """Returns a program's output as one printable line, for tables and errors."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
