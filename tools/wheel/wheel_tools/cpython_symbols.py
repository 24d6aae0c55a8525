"""Which symbols each CPython exports, and which of them belong to the stable ABI."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from abi3info import DATAS, FUNCTIONS

# CPython's own prefixes. Other libraries' names that begin alike, such as PyArrow_…, are not in the table below.
_PY = re.compile(r"_?Py[A-Z_]")
# Members of the stable ABI that an ordinary CPython on Linux does not export.
_ELSEWHERE = frozenset({"MS_WINDOWS", "Py_REF_DEBUG", "Py_TRACE_REFS", "USE_STACKCHECK"})
# Symbols that only the headers of a free-threaded build refer to (Include/refcount.h, object.h).
FREE_THREADED = frozenset({"_Py_DecRefShared", "_Py_DecRefSharedDebug", "_Py_MergeZeroLocalRefcount"})
# Symbols that only the headers of a debug build refer to (Py_REF_DEBUG, Py_TRACE_REFS).
DEBUG = frozenset(
    [
        "_Py_NegativeRefcount",
        "_Py_RefTotal",
        "_Py_INCREF_IncRefTotal",
        "_Py_DECREF_DecRefTotal",
        "PyModule_Create2TraceRefs",
        "_Py_DecRefSharedDebug",
    ]
)


@cache
def _table() -> tuple[tuple[int, ...], dict[str, frozenset[int]]]:
    text = Path(__file__).with_name("data").joinpath("cpython_symbols.json").read_text("utf-8")
    data = json.loads(text)
    known = tuple(_minor(v) for v in data["sources"])
    exported = {
        name: frozenset(_minor(v) for v in versions.split())
        for versions, names in data["symbols"].items()
        for name in names
    }
    return known, exported


def _minor(version: str) -> int:
    return int(version.partition(".")[2])


def known_minors() -> tuple[int, ...]:
    """The CPython 3.X of the table, oldest first."""
    return _table()[0]


def is_python_symbol(name: str) -> bool:
    """Whether a symbol is named like CPython's own; init functions are not."""
    return bool(_PY.match(name)) and not name.startswith(("PyInit", "PyModExport"))


def exporters(name: str) -> frozenset[int]:
    """The known CPython 3.X that export a symbol; empty for a name that none of them has."""
    return _table()[1].get(name, frozenset())


@cache
def _stable_abi() -> dict[str, int]:
    entries = [*FUNCTIONS.items(), *DATAS.items()]
    return {
        symbol.name: value.added.minor
        for symbol, value in entries
        if (value.ifdef.name if hasattr(value.ifdef, "name") else value.ifdef) not in _ELSEWHERE
    }


@cache
def _newest_stable() -> int:
    return max(_stable_abi().values())


def stable_abi_since(name: str) -> int | None:
    """The 3.X whose limited API first had the symbol; None if it is not in the stable ABI.

    abi3info may be older than the newest CPython: a symbol of a newer one than it knows counts as stable since then.
    """
    oldest = min(exporters(name), default=0)
    return _stable_abi().get(name, oldest if oldest > _newest_stable() else None)
