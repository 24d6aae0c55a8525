"""The fixtures of this directory, which pytest looks for here."""

from packages import bytecode, index  # noqa: F401
