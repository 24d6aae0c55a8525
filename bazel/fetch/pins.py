"""Reads requirement files in which every package has `==` and `--hash`."""

from __future__ import annotations

import re
from typing import NamedTuple

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


def read_pins(text: str) -> list[Pin] | None:
    """Returns the pins of a requirement file, or None when it has anything else, such as options, markers or URLs."""
    pins = []
    for written in text.replace("\\\n", " ").splitlines():
        line = re.sub(r"(^|\s)#.*", "", written).strip()
        if not line:
            continue
        match = _PIN.fullmatch(line)
        if not match:
            return None
        pins.append(Pin(match[1], match[2], frozenset(re.findall("[0-9a-f]{64}", match[3]))))
    return pins
