"""For which CPython a shared object was compiled, as the object itself proves it.

Each piece of evidence names the CPythons that it leaves possible; the answer is what all pieces leave. Only exact
evidence counts (docs/wheel-check.md says how far each piece reaches):

- the version that pybind11 compiles in for its own check at import (PYBIND11_CHECK_PYTHON_VERSION);
- the version that Cython compiles in for the same purpose (__Pyx_check_binary_version), on x86-64;
- undefined Py… symbols: a CPython that does not export one cannot load the module;
- symbols that only the headers of a free-threaded or a debug build refer to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from wheel_tools.cpython_symbols import DEBUG, FREE_THREADED, exporters, is_python_symbol, known_minors
from wheel_tools.elf import SharedObject
from wheel_tools.pythons import ranges

_PYBIND11 = b"Python version mismatch: module was compiled for "
_CYTHON = b"compile time Python version"
# "3.12" as a whole string or at the end of one. "GLIBCXX_3.4.11" and the like have a digit and a dot before it.
_VERSION = re.compile(rb"(?<!\d\.)3\.(\d{1,2})\x00")
# PY_VERSION_HEX as the immediate operand of xor, cmp or mov: 0x030C08F0 is 3.12.8, final.
_VERSION_HEX = re.compile(
    rb"(?:\x81[\xf0-\xff]|[\x35\x3d\xb8-\xbf])[\xa0-\xcf\xf0][\x00-\x2f]([\x06-\x1f])\x03", re.DOTALL
)
_INCLUDE = re.compile(rb"#\s*include\s*[<\"]([\w./+-]{1,200})[>\"]", re.ASCII)
# Longer than the longest match.
_OVERLAP = 256
_MAX_INCLUDES = 4096


@dataclass
class Scanner:
    """Collects marks from a file's bytes as they pass by."""

    # Whether to collect the headers that a JIT compiler's generated code includes.
    collect_includes: bool = False
    pybind11: bool = False
    cython: bool = False
    # Minor versions in strings such as "3.12", and in immediate operands.
    versions: set[int] = field(default_factory=set)
    operands: set[int] = field(default_factory=set)
    includes: set[str] = field(default_factory=set)
    _tail: bytes = b""

    def feed(self, chunk: bytes) -> None:
        window = self._tail + chunk
        self.pybind11 |= _PYBIND11 in window
        self.cython |= _CYTHON in window
        # The pattern looks two bytes back; the last window had what begins before them.
        self.versions.update(int(match[1]) for match in _VERSION.finditer(window, 2))
        self.operands.update(minor[0] for minor in _VERSION_HEX.findall(window))
        if self.collect_includes and len(self.includes) < _MAX_INCLUDES:
            self.includes.update(path.decode() for path in _INCLUDE.findall(window)[:_MAX_INCLUDES])
        self._tail = window[-_OVERLAP:]


@dataclass(frozen=True)
class Compiled:
    """The CPythons 3.X that the evidence leaves possible, and the evidence."""

    minors: frozenset[int]
    free_threaded: bool = False
    # The file calls _Py_Dealloc, which the headers of a free-threaded build never do.
    ordinary: bool = False
    debug: bool = False
    evidence: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ranges(self.minors)


def compiled_for(elf: SharedObject, marks: Scanner) -> Compiled:
    """Combines the evidence."""
    everything = frozenset(known_minors())
    left, found = everything, []

    def leave(minors: frozenset[int], reason: str) -> None:
        nonlocal left
        if minors != everything:
            left &= minors
            found.append(f"{reason}: {ranges(minors)}")

    if marks.pybind11 and marks.versions:
        leave(everything & marks.versions, "pybind11's version string")
    if marks.cython and elf.machine == "x86_64" and everything & marks.operands:
        leave(everything & marks.operands, "Cython's compile-time version")
    undefined = {name for name, weak in elf.undefined.items() if not weak and is_python_symbol(name)}
    by_minors: dict[frozenset[int], list[str]] = {}
    for name in sorted(undefined):
        by_minors.setdefault(exporters(name) or everything, []).append(name)
    for minors, names in by_minors.items():
        leave(minors, f"undefined symbol {names[0]}" + (f" and {len(names) - 1} more" if names[1:] else ""))
    free_threaded = bool(undefined & FREE_THREADED)
    ordinary = not free_threaded and "_Py_Dealloc" in undefined
    return Compiled(left, free_threaded, ordinary, bool(undefined & DEBUG), tuple(found))
