"""Reads requirement files in which every package has `==` and `--hash`."""

from __future__ import annotations

import re
from typing import NamedTuple

_INDEX_OPTION = re.compile(r"(--index-url|-i|--extra-index-url|--find-links|-f)[ =].*")
_PIN = re.compile(r"([A-Za-z0-9][\w.-]*)\s*==\s*([^\s;,]+)((?:\s+--hash=sha256:[0-9a-f]{64})+)\s*")


class Pin(NamedTuple):
    """One package of a requirement file."""

    #: As the file spells it, not normalized.
    name: str
    version: str
    #: SHA-256 digests in hexadecimal: any of these files is accepted.
    hashes: frozenset[str]

    @property
    def line(self) -> str:
        """The pin as one line of a requirement file, the same for every order of hashes."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash=sha256:{found}" for found in sorted(self.hashes))])


def _lines(text: str) -> list[str]:
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in text.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line]


def index_options(text: str) -> list[str]:
    """Returns the lines of a requirement file that name package indices. They do not matter to what has a hash."""
    return [line for line in _lines(text) if _INDEX_OPTION.fullmatch(line)]


def read_pins(text: str) -> list[Pin] | None:
    """Returns the pins of a requirement file, or None when it has more than these and indices, such as markers."""
    pins = []
    for line in _lines(text):
        if _INDEX_OPTION.fullmatch(line):
            continue
        match = _PIN.fullmatch(line)
        if not match:
            return None
        pins.append(Pin(match[1], match[2], frozenset(re.findall("[0-9a-f]{64}", match[3]))))
    return pins
