"""The ELF reader, on the running Python's own libraries and on files that are none."""

from __future__ import annotations

import _ctypes
import io
import shutil
import sys
from pathlib import Path

import pytest

from bazel.fetch import elf, relocate

LIBRARY = Path(_ctypes.__file__)


def test_sections_and_symbols() -> None:
    with LIBRARY.open("rb") as stream:
        file = elf.Elf(stream, LIBRARY)
        sections = file.sections()
        assert file.header.type == elf.ET_DYN
        names = file.content(sections[file.header.shstrndx])
        by_name = {elf.text(names, section.name): section for section in sections}
        symbols = by_name[b".dynsym"]
        assert symbols.type == elf.SHT_DYNSYM
        strings = file.content(sections[symbols.link])
        table = [elf.Symbol(*fields) for fields in elf.SYMBOL.iter_unpack(file.content(symbols))]
        defined = {elf.text(strings, symbol.name) for symbol in table if symbol.shndx != elf.SHN_UNDEF}
        assert b"PyInit__ctypes" in defined
        assert elf.PT_INTERP not in file.segment_types()


def test_a_program_asks_for_an_interpreter(tmp_path: Path) -> None:
    program = Path(shutil.which("env") or "").resolve()
    assert relocate.is_program(program)
    assert not relocate.is_program(LIBRARY)
    (tmp_path / "script").write_text(f"#!{sys.executable}\n")
    assert not relocate.is_program(tmp_path / "script")
    (tmp_path / "cut").write_bytes(program.read_bytes()[:70])
    assert not relocate.is_program(tmp_path / "cut")


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"\x7fELF\x01\x01" + bytes(58), b"\x7fELF\x02\x02" + bytes(58)])
def test_what_is_no_elf_file(data: bytes) -> None:
    with pytest.raises(elf.ElfError, match="x is not a 64-bit little-endian ELF file"):
        elf.Elf(io.BytesIO(data), "x")


@pytest.mark.parametrize("kept", [64, 1000, 0.5, 0.999])
def test_a_file_that_is_cut_short(kept: float) -> None:
    data = LIBRARY.read_bytes()
    file = elf.Elf(io.BytesIO(data[: kept if isinstance(kept, int) else int(len(data) * kept)]), "x")
    with pytest.raises(elf.ElfError, match="x is cut short"):
        [file.content(section) for section in file.sections() if section.type != elf.SHT_NOBITS]


def test_a_string_without_an_end() -> None:
    assert elf.text(b"a\0bc", 2) == b"bc"
    assert elf.text(b"a\0bc\0", 0) == b"a"
    assert elf.text(b"a\0", 9) == b""
