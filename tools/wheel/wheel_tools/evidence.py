"""For which CPython a shared object was compiled, told by the object itself.

No binding library has to cooperate. Each piece of evidence names the CPythons that it leaves
possible; what all of them leave is the answer, an interval more often than a point. Sources, by
what they read (docs/wheel-check.md tells how far each one reaches):

- the version that pybind11 compiles in for its own check at import (detail/common.h,
  PYBIND11_CHECK_PYTHON_VERSION), and the one that Cython does (ModuleSetupCode.c,
  __Pyx_check_binary_version);
- undefined Py* symbols: a CPython that does not export one cannot load the module; those that the
  macros of PY_SSIZE_T_CLEAN put there come from no header after 3.12 (Include/modsupport.h);
- the reference count that a static PyModuleDef begins with: 1 up to 3.12, UINT_MAX in 3.13,
  5 << 48 | 3 << 30 since 3.14 (Include/object.h, PyObject_HEAD_INIT; Include/refcount.h);
- how Py_DECREF was compiled in: since 3.12 it first tests the low half of the count for an
  immortal object (PEP 683).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from wheel_tools.cpython_symbols import (
    debug_symbols,
    exporters,
    free_threaded_symbols,
    is_python_symbol,
    known_minors,
)
from wheel_tools.elf import ElfError, ElfReader, SharedObject, file_offset, relative_slots

_PYBIND11 = b"module was compiled for "
_CYTHON = b"compile time Python version"
# "3.12", as the whole of a string or as the end of one that the linker merged it with.
_VERSION = re.compile(rb"3\.(\d{1,2})\x00")
# PY_VERSION_HEX of a final release, or the major and minor part alone, as an immediate operand.
_VERSION_HEX = re.compile(rb"(?:\xf0[\x00-\x2f]|\x00\x00)([\x06-\x1f])\x03", re.DOTALL)
_INCLUDE = re.compile(rb"#\s*include\s*[<\"]([\w./+-]{1,200})[>\"]", re.ASCII)

# x86-64 code that compilers make of Py_DECREF: the count is loaded, then
#   since 3.12:  test r32, r32;  js/jns          (immortal? the low half is negative)
#   before:      sub r64, 1 or dec r64;  store;  je/jne
# or, before, decremented in memory. _decrement_kind compares the registers.
_DECREF = re.compile(
    rb"[\x48\x49\x4c\x4d]\x8b[\x00-\x3f]"
    rb"(?:\x45?\x85[\xc0-\xff](?:[\x78\x79]|\x0f[\x88\x89])"
    rb"|[\x48\x49](?:\x83[\xe8-\xef]\x01|\xff[\xc8-\xcf])[\x48\x49\x4c\x4d]\x89[\x00-\x3f]"
    rb"(?:[\x74\x75]|\x0f[\x84\x85]))"
    rb"|[\x48\x49](?:\x83[\x28-\x2f]\x01|\xff[\x08-\x0f])(?:[\x74\x75]|\x0f[\x84\x85])",
    re.DOTALL,
)

_STATIC_COUNTS = {
    1: ("1", lambda minor: minor <= 12),
    0xFFFFFFFF: ("UINT_MAX", lambda minor: minor == 13),
    5 << 48 | 3 << 30: ("5<<48 | 3<<30", lambda minor: minor >= 14),
}
_MAX_NAMES = 64


@dataclass
class Marks:
    """What one pass over the bytes collects."""

    pybind11: bool = False
    cython: bool = False
    versions: set[int] = field(default_factory=set)
    immediates: set[int] = field(default_factory=set)
    immortal_decrefs: int = 0
    plain_decrefs: int = 0
    # Offsets of the module's name, as the end of a string.
    names: set[int] = field(default_factory=set)
    # Headers that code generated at run time includes.
    includes: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Compiled:
    """The CPythons 3.X that the evidence leaves possible, and the evidence."""

    minors: frozenset[int]
    free_threaded: bool = False
    # An ordinary build's Py_DECREF was seen, so that it is not a free-threaded one.
    ordinary: bool = False
    debug: bool = False
    evidence: tuple[str, ...] = ()

    def __str__(self) -> str:
        return minor_ranges(self.minors)


def minor_ranges(minors: frozenset[int] | set[int]) -> str:
    """{10, 11, 13} as "3.10-3.11, 3.13"."""
    runs: list[list[int]] = []
    for minor in sorted(minors):
        if runs and runs[-1][1] == minor - 1:
            runs[-1][1] = minor
        else:
            runs.append([minor, minor])
    return ", ".join(f"3.{a}" if a == b else f"3.{a}-3.{b}" for a, b in runs) or "no CPython"


def scan(reader: ElfReader, elf: SharedObject, module: str) -> Marks:
    """One pass over the file, for what the loader's tables do not hold."""
    marks = Marks()
    loaded = [s for s in elf.segments if s.type == "PT_LOAD"]
    code = [(s.offset, s.offset + s.size) for s in loaded if s.flags & 1]
    data = [(s.offset, s.offset + s.size) for s in loaded]
    name = re.compile(re.escape(module.encode()) + rb"\x00")
    for offset, window in reader.windows(overlap=512):
        marks.pybind11 |= _PYBIND11 in window
        marks.cython |= _CYTHON in window
        for start, match in _matches(_VERSION, window, offset, data):
            # .dynstr has CXXABI_1.3.11 and the like, and shares no string with .rodata.
            if not elf.strings[0] <= start < elf.strings[1]:
                marks.versions.add(int(match[1]))
        for _, match in _matches(_INCLUDE, window, offset, data):
            if len(marks.includes) < 4096:
                marks.includes.add(match[1].decode())
        for start, _ in _matches(name, window, offset, data):
            if len(marks.names) < _MAX_NAMES:
                marks.names.add(start)
        for _, match in _matches(_VERSION_HEX, window, offset, code):
            marks.immediates.add(match[1][0])
        if elf.machine == "x86_64":
            for _, match in _matches(_DECREF, window, offset, code):
                kind = _decrement_kind(match[0])
                marks.immortal_decrefs += kind == "immortal"
                marks.plain_decrefs += kind == "plain"
    return marks


def _matches(
    pattern: re.Pattern[bytes], window: bytes, offset: int, ranges: list[tuple[int, int]]
) -> Iterator[tuple[int, re.Match[bytes]]]:
    for start, end in ranges:
        if start < offset + len(window) and offset < end:
            for match in pattern.finditer(window, max(start - offset, 0), max(end - offset, 0)):
                yield offset + match.start(), match


def _decrement_kind(code: bytes) -> str:
    if code[1] != 0x8B:
        return "plain" if code[2] & 7 not in (4, 5) else ""
    register = (code[2] >> 3 & 7) | (8 if code[0] & 4 else 0)
    # No displacement: rm 4 and 5 mean something else without one.
    if code[2] & 7 in (4, 5):
        return ""
    rest = code[3:]
    if rest[0] in (0x45, 0x85):
        high = 8 if rest[0] == 0x45 else 0
        operands = rest[1 + bool(high)]
        same = operands & 7 == operands >> 3 & 7 == register & 7 and high == register & 8
        return "immortal" if same else ""
    if (rest[0] & 1) * 8 != register & 8 or rest[2] & 7 != register & 7:
        return ""
    stored = rest[4:7] if rest[1] == 0x83 else rest[3:6]
    return "plain" if (stored[0], stored[2]) == (code[0], code[2]) else ""


def compiled_for(reader: ElfReader, elf: SharedObject, marks: Marks) -> Compiled:
    """Puts the evidence together."""
    everything = frozenset(known_minors())
    left, told = everything, []

    def leave(minors: frozenset[int], reason: str) -> None:
        nonlocal left
        if minors != everything:
            left &= minors
            told.append(f"{reason}: {minor_ranges(minors)}")

    if marks.pybind11 and marks.versions:
        leave(everything & marks.versions, "pybind11's version string")
    if marks.cython and everything & marks.immediates:
        leave(everything & marks.immediates, "Cython's compile-time version")
    undefined = {name for name, weak in elf.undefined.items() if not weak and is_python_symbol(name)}
    _symbol_evidence(undefined, everything, leave)
    free_threaded = bool(free_threaded_symbols(undefined))
    count = None if free_threaded else _static_count(reader, elf, marks)
    if count in _STATIC_COUNTS:
        text, admits = _STATIC_COUNTS[count]
        leave(frozenset(filter(admits, everything)), f"its PyModuleDef's reference count {text}")
    if not free_threaded:
        new, old = marks.immortal_decrefs, marks.plain_decrefs
        # Code of other origin can look like the old form, hardly ever like the new one.
        if new and new >= 4 * old:
            leave(frozenset(m for m in everything if m >= 12), f"{new} Py_DECREF that know immortal objects")
        elif old and not new and "_Py_Dealloc" in undefined:
            leave(frozenset(m for m in everything if m < 12), f"{old} Py_DECREF that know no immortal objects")
    return Compiled(
        left,
        free_threaded,
        not free_threaded and "_Py_Dealloc" in undefined,
        bool(debug_symbols(undefined)),
        tuple(told),
    )


def _symbol_evidence(undefined: set[str], everything: frozenset[int], leave) -> None:
    by_minors: dict[frozenset[int], list[str]] = {}
    for name in sorted(undefined):
        minors = exporters(name)
        if minors and minors != everything:
            by_minors.setdefault(minors, []).append(name)
    for minors, names in by_minors.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        leave(minors, f"undefined symbol {names[0]}{more}")
    redirected = sorted(n for n in undefined if n.endswith("_SizeT"))
    if redirected:
        leave(
            frozenset(m for m in everything if m <= 12),
            f"undefined symbol {redirected[0]}, which headers refer to no longer",
        )


def _static_count(reader: ElfReader, elf: SharedObject, marks: Marks) -> int | None:
    """The reference count of the static PyModuleDef, found by its m_name (5 words in)."""
    targets = set()
    for at in marks.names:
        before = reader.read(max(at - 256, 0), at - max(at - 256, 0))
        # A submodule's m_name may hold the dotted name.
        start = at - (len(before) - before.rfind(b"\0") - 1)
        for offset in (at, start):
            targets.update(
                s.address + offset - s.offset
                for s in elf.segments
                if s.type == "PT_LOAD" and s.offset <= offset < s.offset + s.size
            )
    counts = set()
    for slot in relative_slots(reader, elf, frozenset(targets)):
        at = file_offset(elf.segments, slot - 40)
        if at is None:
            continue
        try:
            head = reader.read(at, 40)
        except ElfError:
            continue
        # ob_type, m_init, m_index, m_copy are set when the module is made.
        if not any(head[8:]):
            count = int.from_bytes(head[:8], "little")
            if count in _STATIC_COUNTS:
                counts.add(count)
    return counts.pop() if len(counts) == 1 else None
