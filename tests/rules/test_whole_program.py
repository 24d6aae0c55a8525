"""A module with the feature whole_program exports its initialization only."""

from __future__ import annotations

import os
from pathlib import Path

from elftools.elf.elffile import ELFFile


def exported(library: str) -> set[str]:
    with Path(library).open("rb") as stream:
        symbols = ELFFile(stream).get_section_by_name(".dynsym").iter_symbols()
        return {symbol.name for symbol in symbols if symbol.name and symbol["st_shndx"] != "SHN_UNDEF"}


def test_its_initialization_alone_is_exported():
    assert exported(os.environ["WHOLE"]) == {"PyInit_whole"}


def test_another_module_exports_its_templates_too():
    assert len(exported(os.environ["PARTS"])) > 1
