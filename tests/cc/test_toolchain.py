"""The hermetic compiler's output: shared libraries for a wheel, static programs, programs with sanitizers."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

HERE = Path(__file__).parent
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


@pytest.mark.parametrize("name", ["libprobe.so", "libprobe_debug.so", "modern"])
def test_needs_nothing_newer_than_manylinux_2_28(name: str) -> None:
    versions = needed_versions(HERE / name)
    too_new = {
        version
        for version in versions
        if (match := re.fullmatch(r"([A-Z]+)_([\d.]+)", version))
        and tuple(map(int, match[2].split("."))) > NEWEST[match[1]]
    }
    assert {"GLIBC_2.2.5", "GLIBCXX_3.4"} <= versions
    assert not too_new


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


def test_the_time_of_the_build_is_redacted() -> None:
    ctypes.CDLL(str(HERE / "libanswer.so"), mode=ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(str(HERE / "libprobe.so"))
    library.probe_built.restype = ctypes.c_char_p
    library.probe_number.restype, library.probe_number.argtypes = ctypes.c_double, [ctypes.c_double]
    assert library.probe_built() == b"tests/cc/probe.cc redacted redacted"
    assert library.probe_number(2.0) == 1024.0


def run(name: str) -> subprocess.CompletedProcess:
    return subprocess.run([str(HERE / name)], capture_output=True, text=True, check=False, timeout=60)


def test_new_library_features_work_with_the_old_library() -> None:
    result = run("modern")
    assert (result.returncode, result.stdout) == (0, "synchronized\nprinted 5\nwritten\n"), result.stderr


def test_more_headers() -> None:
    assert run("rare_headers").returncode == 0


@pytest.mark.parametrize("name", ["static", "static_c", "static_feature", "static_pie"])
def test_static_programs_run(name: str) -> None:
    with (HERE / name).open("rb") as stream:
        elf = ELFFile(stream)
        assert not [segment for segment in elf.iter_segments() if segment.header.p_type == "PT_INTERP"]
    result = run(name)
    assert (result.returncode, result.stdout) == (0, "static\n"), result.stderr


def test_a_program_that_uses_the_static_part_of_libstdcxx_alone() -> None:
    assert run("static_part").returncode == 0
    assert "libstdc++.so.6" in dynamic_tags(HERE / "static_part")["DT_NEEDED"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("overflow_heap", "AddressSanitizer: heap-buffer-overflow"),
        ("overflow_integer", "runtime error: signed integer overflow"),
        ("race", "ThreadSanitizer: data race"),
    ],
)
def test_sanitizers_catch(name: str, message: str) -> None:
    result = run(name)
    assert result.returncode != 0
    assert message in result.stderr
