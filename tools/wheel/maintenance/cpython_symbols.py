#!/usr/bin/env python3
"""Writes wheel_tools/data/cpython_symbols.json: which CPython exports which Py* symbol.

    cpython_symbols.py LIBPYTHON… > tools/wheel/wheel_tools/data/cpython_symbols.json

Each argument is a shared libpython3.X (ordinary build: neither free-threaded nor debug). Give one
for every version from the oldest to the newest that the table is to know, without a gap.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from elftools.elf.elffile import ELFFile

_VERSION = re.compile(rb"(3\.\d+\.\d+)\x00")
_NAME = re.compile(r"libpython(3\.\d+)\.so")


def main(paths: list[str]) -> int:
    exported: dict[str, set[str]] = {}
    sources: dict[str, str] = {}
    for path in map(Path, paths):
        version = _NAME.match(path.name)
        if not version:
            print(f"{path}: found another name; expected libpython3.X.so[.1.0]", file=sys.stderr)
            return 1
        minor = version[1]
        with path.open("rb") as file:
            symbols = ELFFile(file).get_section_by_name(".dynsym").iter_symbols()
            exported[minor] = {s.name for s in symbols if s["st_shndx"] != "SHN_UNDEF" and re.match(r"_?Py", s.name)}
        full = [v.decode() for v in _VERSION.findall(path.read_bytes())]
        sources[minor] = next((v for v in full if v.startswith(minor + ".")), minor)
    minors = sorted(exported, key=lambda v: tuple(map(int, v.split("."))))
    groups: dict[str, list[str]] = {}
    for symbol in sorted(set().union(*exported.values())):
        key = " ".join(v for v in minors if symbol in exported[v])
        groups.setdefault(key, []).append(symbol)
    json.dump(
        {
            "about": "Py* symbols that CPython's shared library exports on Linux, by the versions "
            "that export them; written by tools/wheel/maintenance/cpython_symbols.py",
            "sources": {v: f"libpython{v}.so of CPython {sources[v]}" for v in minors},
            "symbols": groups,
        },
        sys.stdout,
        indent=0,
    )
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
