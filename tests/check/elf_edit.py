"""Makes defects in real shared objects, a few bytes at a time."""

from __future__ import annotations

import io
import struct

from elftools.elf.elffile import ELFFile

_DT = {"DT_NEEDED": 1, "DT_TEXTREL": 22, "DT_RUNPATH": 29, "DT_RPATH": 15}


def with_machine(data: bytes, machine: int) -> bytes:
    return data[:18] + struct.pack("<H", machine) + data[20:]


def with_executable_stack(data: bytes) -> bytes:
    elf = ELFFile(io.BytesIO(data))
    index = next(i for i, s in enumerate(elf.iter_segments()) if s["p_type"] == "PT_GNU_STACK")
    at = elf["e_phoff"] + index * elf["e_phentsize"] + 4
    return data[:at] + struct.pack("<I", 7) + data[at + 4 :]


def with_string(data: bytes, old: str, new: str) -> bytes:
    """A string of .dynstr replaced by one that is no longer."""
    section = ELFFile(io.BytesIO(data)).get_section_by_name(".dynstr")
    start, end = section["sh_offset"], section["sh_offset"] + section["sh_size"]
    at = data.index(b"\0" + old.encode() + b"\0", start, end) + 1
    if len(new) > len(old):
        raise ValueError(f"{new} is longer than {old}")
    return data[:at] + new.encode().ljust(len(old), b"\0") + data[at + len(old) :]


def with_tag(data: bytes, old: str, new: str, string: str = "") -> bytes:
    """The first dynamic entry of one tag, given another; its string replaced too."""
    elf = ELFFile(io.BytesIO(data))
    dynamic = elf.get_section_by_name(".dynamic")
    index, tag = next((i, t) for i, t in enumerate(dynamic.iter_tags()) if t.entry.d_tag == old)
    at = dynamic["sh_offset"] + index * 16
    if string:
        data = with_string(data, tag.needed, string)
    return data[:at] + struct.pack("<Q", _DT[new]) + data[at + 8 :]


def needed(data: bytes) -> list[str]:
    dynamic = ELFFile(io.BytesIO(data)).get_section_by_name(".dynamic")
    return [tag.needed for tag in dynamic.iter_tags("DT_NEEDED")]


def versions(data: bytes, prefix: str) -> list[str]:
    """The symbol versions that are required, of one kind, such as GLIBC_2.14."""
    section = ELFFile(io.BytesIO(data)).get_section_by_name(".gnu.version_r")
    return sorted(
        {
            entry.name
            for _, entries in section.iter_versions()
            for entry in entries
            if entry.name.startswith(prefix + "_")
        }
    )
