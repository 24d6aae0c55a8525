#!/usr/bin/env python3
"""Writes wheel_tools/data/libc_symbols.txt: the symbols that the C libraries of Linux export.

    libc_symbols.py LIBRARY… > tools/wheel/wheel_tools/data/libc_symbols.txt

Give libc, libm, libdl, libpthread, librt, libutil, libresolv and the loader of an old and of a new glibc, and musl's.
"""

from __future__ import annotations

import sys
from pathlib import Path

from elftools.elf.elffile import ELFFile


def main(paths: list[str]) -> int:
    names: set[str] = set()
    for path in paths:
        with Path(path).open("rb") as file:
            symbols = ELFFile(file).get_section_by_name(".dynsym").iter_symbols()
            names |= {symbol.name for symbol in symbols if symbol["st_shndx"] != "SHN_UNDEF"}
    print("# Symbols of glibc and musl; written by tools/wheel/maintenance/libc_symbols.py.")
    print("\n".join(sorted(names - {""})))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
