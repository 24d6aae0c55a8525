#!/usr/bin/env python3
"""Writes the tables of exported symbols in wheel_tools/data.

    exported_symbols.py cpython LIBPYTHON… > tools/wheel/wheel_tools/data/cpython_symbols.json
    exported_symbols.py libc LIBRARY… > tools/wheel/wheel_tools/data/libc_symbols.txt

cpython: each argument is a shared libpython3.X (ordinary build: neither free-threaded nor debug). Give one for every
version from the oldest to the newest that the table is to know, without a gap.

libc: give libc, libm, libdl, libpthread, librt, libutil, libresolv and the loader of an old and of a new glibc, and
musl's libc.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from elftools.elf.elffile import ELFFile

_VERSION = re.compile(rb"(3\.\d+\.\d+)\x00")
_NAME = re.compile(r"libpython(3\.\d+)\.so")


def exported(path: Path) -> set[str]:
    """The names of the symbols that a library exports."""
    with path.open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".dynsym").iter_symbols()
        return {symbol.name for symbol in symbols if symbol["st_shndx"] != "SHN_UNDEF"} - {""}


def cpython_table(paths: list[Path]) -> dict:
    """The JSON document; its symbols are grouped by the versions that export them, such as "3.12 3.13"."""
    names: dict[str, set[str]] = {}
    sources: dict[str, str] = {}
    for path in paths:
        match = _NAME.match(path.name)
        if not match:
            raise SystemExit(f"{path}: found another name; expected libpython3.X.so[.1.0]; rename the file")
        minor = match[1]
        names[minor] = {name for name in exported(path) if re.match(r"_?Py", name)}
        full = [v.decode() for v in _VERSION.findall(path.read_bytes()) if v.startswith(f"{minor}.".encode())]
        sources[minor] = f"libpython{minor}.so of CPython {(full or [minor])[0]}"
    minors = sorted(names, key=lambda v: int(v.partition(".")[2]))
    groups: dict[str, list[str]] = {}
    for symbol in sorted(set().union(*names.values())):
        groups.setdefault(" ".join(v for v in minors if symbol in names[v]), []).append(symbol)
    about = "Py* symbols that CPython's shared library exports on Linux, by the versions that export them"
    written = f"{about}; written by tools/wheel/maintenance/exported_symbols.py"
    return {"about": written, "sources": {v: sources[v] for v in minors}, "symbols": groups}


if __name__ == "__main__":
    libraries = [Path(path) for path in sys.argv[2:]]
    if sys.argv[1:2] == ["cpython"] and libraries:
        print(json.dumps(cpython_table(libraries), indent=0))
    elif sys.argv[1:2] == ["libc"] and libraries:
        print("# Symbols of glibc and musl; written by tools/wheel/maintenance/exported_symbols.py.")
        print("\n".join(sorted(set().union(*map(exported, libraries)))))
    else:
        raise SystemExit(__doc__)
