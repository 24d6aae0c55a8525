"""What the hermetic compiler writes for the CPU in $CPU: ELF files of shared libraries and programs. Nothing is run."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

HERE = Path(__file__).parent
# The ELF machine of each CPU, and the first version of its glibc.
MACHINE, OLDEST = {"aarch64": ("EM_AARCH64", "GLIBC_2.17"), "x86_64": ("EM_X86_64", "GLIBC_2.2.5")}[os.environ["CPU"]]
# auditwheel's policy manylinux_2_28.
NEWEST = {"GLIBC": (2, 28), "GLIBCXX": (3, 4, 24), "CXXABI": (1, 3, 11), "GCC": (7, 0, 0)}


def dynamic_tags(library: Path) -> dict[str, list[str]]:
    """Maps the names of the dynamic section's tags to their strings."""
    tags: dict[str, list[str]] = {}
    with library.open("rb") as stream:
        for section in ELFFile(stream).iter_sections():
            if isinstance(section, DynamicSection):
                for tag in section.iter_tags():
                    for attribute in ("needed", "rpath", "runpath"):
                        if hasattr(tag, attribute):
                            tags.setdefault(tag.entry.d_tag, []).append(getattr(tag, attribute))
    return tags


def needed_versions(library: Path) -> set[str]:
    with library.open("rb") as stream:
        return {
            version.name
            for section in ELFFile(stream).iter_sections()
            if isinstance(section, GNUVerNeedSection)
            for _, versions in section.iter_versions()
            for version in versions
        }


LIBRARIES = ["libanswer.so", "libparts.so", "libprobe.so", "libprobe_debug.so", "libwhole.so"]
PROGRAMS = ["modern", "overflow_heap", "overflow_integer", "race", "rare_headers", "static_part"]
STATIC_PROGRAMS = ["static", "static_c", "static_feature", "static_pie"]


@pytest.mark.parametrize("name", [*LIBRARIES, *PROGRAMS, *STATIC_PROGRAMS])
def test_is_for_the_target_cpu(name: str) -> None:
    with (HERE / name).open("rb") as stream:
        assert ELFFile(stream)["e_machine"] == MACHINE


@pytest.mark.parametrize("name", ["libprobe.so", "libprobe_debug.so", "modern"])
def test_needs_nothing_newer_than_manylinux_2_28(name: str) -> None:
    versions = needed_versions(HERE / name)
    too_new = {
        version
        for version in versions
        if (match := re.fullmatch(r"([A-Z]+)_([\d.]+)", version))
        and tuple(map(int, match[2].split("."))) > NEWEST[match[1]]
    }
    assert {OLDEST, "GLIBCXX_3.4"} <= versions
    assert not too_new


# ld defines these in every shared library for aarch64. For x86-64 it hides them.
LD_OWN = {
    f"{name}{end}" for name in ("_bss_end", "__bss_start", "__bss_end", "_edata", "_end", "__end") for end in ("", "__")
}


def exported(name: str) -> set[str]:
    with (HERE / name).open("rb") as stream:
        symbols = ELFFile(stream).get_section_by_name(".dynsym").iter_symbols()
        return {symbol.name for symbol in symbols if symbol.name and symbol["st_shndx"] != "SHN_UNDEF"} - LD_OWN


def test_a_whole_program_exports_its_initialization_only() -> None:
    assert exported("libwhole.so") == {"PyInit_whole"} < exported("libparts.so")


def test_no_solib_rpaths() -> None:
    tags = dynamic_tags(HERE / "libprobe.so")
    assert "libanswer.so" in tags["DT_NEEDED"]
    assert not {"DT_RPATH", "DT_RUNPATH"} & tags.keys()
    # Without the feature, Bazel's RUNPATH leads programs to their libraries in the output tree.
    assert {"DT_RPATH", "DT_RUNPATH"} & dynamic_tags(HERE / "libprobe_debug.so").keys()


@pytest.mark.parametrize("name", ["libprobe.so", "libprobe_debug.so", "modern"])
def test_has_no_directory_of_the_machine(name: str) -> None:
    content = (HERE / name).read_bytes()
    found = re.findall(rb"[ -~]*(?:/execroot/|/home/|/root/|/sandbox/|/tmp/|output_base|/proc/self/cwd)[ -~]*", content)
    assert not found


def test_debug_information_has_a_relative_directory() -> None:
    with (HERE / "libprobe_debug.so").open("rb") as stream:
        unit = next(ELFFile(stream).get_dwarf_info().iter_CUs())
        assert unit.get_top_DIE().attributes["DW_AT_comp_dir"].value == b"."


@pytest.mark.parametrize("name", STATIC_PROGRAMS)
def test_static_programs_have_no_loader(name: str) -> None:
    with (HERE / name).open("rb") as stream:
        assert not [segment for segment in ELFFile(stream).iter_segments() if segment.header.p_type == "PT_INTERP"]


def test_a_program_that_uses_the_static_part_of_libstdcxx_alone() -> None:
    assert "libstdc++.so.6" in dynamic_tags(HERE / "static_part")["DT_NEEDED"]
