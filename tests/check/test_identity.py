"""The bytes of a real module prove for which CPython it was compiled."""

from __future__ import annotations

import pytest
from small_wheel import PYTHONS, module, soabi
from wheel_tools.elf import ElfReader
from wheel_tools.evidence import Compiled, Scanner, compiled_for
from wheel_tools.pythons import ranges

MINORS = {python: int(python.partition(".")[2]) for python in PYTHONS}


def compiled(data: bytes, piece: int = 1 << 16) -> tuple[Compiled, Scanner]:
    """What the checker reads in a module whose bytes come in pieces."""
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    reader, marks = ElfReader(), Scanner(collect_includes=True)
    for chunk in pieces:
        reader.feed(chunk)
        marks.feed(chunk)
    return compiled_for(reader.parse(), marks), marks


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("piece", [300, 4096, 1 << 20])
def test_pybind11_proves_one_python(python, piece):
    assert compiled(module("tiny", python), piece)[0].minors == {MINORS[python]}


@pytest.mark.parametrize("python", PYTHONS)
def test_plain_c_proves_nothing_but_its_symbols(python):
    """A C module has no version in it; compiled for 3.10 and for 3.11, a simple one is the same file."""
    result = compiled(module("plain", python))[0]
    assert MINORS[python] in result.minors
    assert len(result.minors) > 1


@pytest.mark.parametrize("found", PYTHONS)
@pytest.mark.parametrize("named", PYTHONS)
def test_every_renaming_is_seen(found, named):
    result = compiled(module("tiny", found))[0]
    assert (MINORS[named] in result.minors) == (found == named), result.evidence


# What Cython's __Pyx_check_binary_version compiles to in published wheels: xor rdx, imm32; mov edi, imm32; cmp eax.
@pytest.mark.parametrize("opcode", [b"\x48\x81\xf2", b"\x89\xc6\xbf", b"\x3d"])
@pytest.mark.parametrize(("version", "minors"), [(b"\xf0\x10\x0c\x03", {12}), (b"\xc1\x00\x0f\x03", {15})])
def test_cython_proves_one_python(opcode, version, minors):
    code = b"\x00Cython: compile time Python version %d.%d\x00" + opcode + version + b"\x00\x00\x0b\x03"
    assert compiled(module("plain", "3.12") + code)[0].minors == minors


def test_other_version_numbers_are_no_evidence():
    """cffi says "module was compiled for" too, and has the numbers of other versions in its strings."""
    data = module("plain", "3.12") + b"\x00the module was compiled for another version\x003.11\x00GLIBCXX_1.3.11\x00"
    assert 12 in compiled(data)[0].minors


@pytest.mark.parametrize("python", PYTHONS)
def test_ordinary_build(python):
    result = compiled(module("tiny", python))[0]
    assert (result.ordinary, result.free_threaded, result.debug) == (True, False, False)


@pytest.mark.parametrize(("symbol", "attribute"), [("_Py_DecRefShared", "free_threaded"), ("_Py_RefTotal", "debug")])
def test_special_builds_by_their_symbols(symbol, attribute):
    """Symbols that only headers of such a build refer to (no such Python is at hand)."""
    data = module("tiny", "3.13")
    old = max(
        (
            name
            for name in (b"PyUnicode_AsUTF8AndSize", b"PyInstanceMethod_New", b"PyErr_WriteUnraisable")
            if b"\0" + name + b"\0" in data
        ),
        key=len,
    )
    data = data.replace(b"\0" + old + b"\0", b"\0" + symbol.encode().ljust(len(old), b"\0") + b"\0")
    assert getattr(compiled(data)[0], attribute)


def test_large_file_is_read_in_windows():
    """A module behind 9 MB of padding is read like one that fits into memory."""
    data = module("tiny", "3.12")
    result, marks = compiled(data + bytes(9 << 20))
    assert result.minors == {12}
    assert "deep_gemm/impls/tiny.cuh" in marks.includes


def test_ranges():
    assert ranges({10, 11, 13}) == "3.10-3.11, 3.13"
    assert ranges(set()) == "no CPython"
    assert soabi("3.11") == "cpython-311-x86_64-linux-gnu"
