"""Which CPython a real module was compiled for is told from its bytes, whatever made it."""

from __future__ import annotations

import pytest
from small_wheel import PYTHONS, module, soabi
from wheel_tools.elf import ElfReader
from wheel_tools.evidence import Compiled, compiled_for, minor_ranges, scan

MINORS = {python: int(python.partition(".")[2]) for python in PYTHONS}


def compiled(data: bytes, name: str) -> Compiled:
    reader = ElfReader(len(data), lambda: [data])
    reader.feed(data)
    elf = reader.parse()
    return compiled_for(reader, elf, scan(reader, elf, name))


@pytest.mark.parametrize("python", PYTHONS)
def test_pybind11_tells_exactly(python):
    assert compiled(module("tiny", python), "_C").minors == {MINORS[python]}


@pytest.mark.parametrize("python", PYTHONS)
def test_plain_c_tells_an_interval(python):
    """A C module has no version in it; Py_DECREF and its PyModuleDef tell these apart."""
    result = compiled(module("plain", python), "plain")
    intervals = {"3.11": range(8, 12), "3.12": range(12, 13), "3.13": range(13, 14), "3.14": range(14, 16)}
    assert result.minors == set(intervals[python])


@pytest.mark.parametrize("found", PYTHONS)
@pytest.mark.parametrize("named", PYTHONS)
@pytest.mark.parametrize("kind", ["tiny", "plain"])
def test_every_renaming_is_seen(kind, found, named):
    result = compiled(module(kind, found), {"tiny": "_C", "plain": "plain"}[kind])
    assert (MINORS[named] in result.minors) == (found == named), result.evidence


@pytest.mark.parametrize("python", PYTHONS)
def test_ordinary_build(python):
    result = compiled(module("tiny", python), "_C")
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
    assert getattr(compiled(data, "_C"), attribute)


def test_large_file_is_read_in_windows():
    """A module behind 9 MB of padding is read like one that fits into memory."""
    data = module("tiny", "3.12")
    padded = data + bytes(9 << 20)
    chunk = 1 << 16
    pieces = [padded[i : i + chunk] for i in range(0, len(padded), chunk)]
    reader = ElfReader(len(padded), lambda: iter(pieces))
    for piece in pieces:
        reader.feed(piece)
    elf = reader.parse()
    marks = scan(reader, elf, "_C")
    assert compiled_for(reader, elf, marks).minors == {12}
    assert "deep_gemm/impls/tiny.cuh" in marks.includes


def test_ranges():
    assert minor_ranges({10, 11, 13}) == "3.10-3.11, 3.13"
    assert minor_ranges(set()) == "no CPython"
    assert soabi("3.11") == "cpython-311-x86_64-linux-gnu"
