"""Operator libraries: shared libraries that register operators with torch when they are loaded, and are no modules."""

from __future__ import annotations

import re

from wheel_tools.elf import SharedObject

# Every registration calls one of these functions of torch: the constructor of torch::Library (TORCH_LIBRARY and its
# variants), the C interface of STABLE_TORCH_LIBRARY, those of c10::RegisterOperators and c10::Dispatcher,
# torch::jit::registerOperator, torch::registerCustomClass.
_REGISTERS = re.compile(
    r"_ZN5torch7LibraryC[12]E|(?:aoti_)?torch_library_|_ZN3c1017RegisterOperators|_ZN3c1010Dispatcher\d+register|"
    r"_ZN5torch3jit16registerOperatorE|_ZN5torch19registerCustomClassE",
    re.ASCII,
)
_PYTHON_LIBRARY = re.compile(r"lib(?:torch_)?python[\d.]*[a-z]*\.so[\d.]*", re.ASCII)
_PYTHON_SYMBOL = re.compile(r"_?Py[A-Z_]|_Z.*(?:8pybind11|THPVariable)", re.ASCII)


def registers_operators(elf: SharedObject) -> bool:
    """Whether the library can register operators by itself."""
    return any(map(_REGISTERS.match, elf.undefined))


def of_python(elf: SharedObject) -> str:
    """The first thing that ties the library to Python, as an error names it; "" if nothing does."""
    for library in elf.needed:
        if _PYTHON_LIBRARY.fullmatch(library):
            return f"{library} among the needed libraries"
    symbols = sorted(name for name, weak in elf.undefined.items() if not weak and _PYTHON_SYMBOL.match(name))
    return f"the undefined symbol {symbols[0]}" if symbols else ""
