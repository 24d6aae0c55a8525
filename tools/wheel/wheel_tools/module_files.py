"""Which files of a wheel are extension modules, and which CPythons load them, for the writers and the checker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from packaging.tags import Tag

from wheel_tools.cpython_symbols import is_python_symbol
from wheel_tools.elf import ElfError, SharedObject, parse_elf
from wheel_tools.pythons import minor as minor_of
from wheel_tools.soabi import ExtensionName, parse_extension_name


def read_elf(data: bytes) -> SharedObject | None:
    """The facts of an ELF file; None for other bytes."""
    try:
        return parse_elf(data)
    except ElfError:
        return None


def is_module(name: ExtensionName, elf: SharedObject | None, needed: set[str]) -> bool:
    """An exported init function decides; without one, a file is a library unless its name and symbols are a module's.

    Files such as `_C.abi3.so` of a package that calls torch.ops.load_library or ctypes are libraries.

    Args:
        name: The file's name.
        elf: The file's facts; None if it cannot be read.
        needed: The libraries that the wheel's files need.
    """
    named = name.kind not in ("plain", "other")
    if elf is None:
        return named
    if not elf.inits.isdisjoint(name.init_functions):
        return True
    if not named or PurePosixPath(name.path).name in needed or elf.soname in needed - {""}:
        return False
    return bool(elf.inits) or any(map(is_python_symbol, elf.undefined))


def served_pythons(
    files: Mapping[str, SharedObject | None], tags: Iterable[Tag], pythons: Sequence[str]
) -> dict[str, list[str]]:
    """Module ("deep_gemm/_C") → the Pythons, such as "3.12", that load one of its files.

    A free-threaded or debug build serves no ordinary CPython. A file for the stable ABI serves the Pythons that the
    wheel's tags admit. A plain `name.so` does not say for which CPython it was compiled: it serves only one.

    Args:
        files: Each `.so` file by its path in the wheel.
        tags: The wheel's tags.
        pythons: The Pythons that the wheel is for.
    """
    tags = list(tags)
    needed = {library for elf in files.values() if elf for library in elf.needed}
    modules: dict[str, set[str]] = {}
    for path, elf in files.items():
        name = parse_extension_name(path)
        if name is None or not is_module(name, elf, needed):
            continue
        served = modules.setdefault(f"{name.package}/{name.module}".lstrip("/"), set())
        if name.kind == "abi3":
            served.update(python for python in pythons if any(_installs(tag, minor_of(python)) for tag in tags))
        elif name.kind == "soabi" and not (name.free_threaded or name.debug):
            served.add(f"3.{name.minor}")
        elif name.kind == "plain" and len(pythons) == 1:
            served.update(pythons)
    return {module: sorted(served, key=minor_of) for module, served in sorted(modules.items())}


def _installs(tag: Tag, minor: int) -> bool:
    """Whether CPython 3.<minor> installs wheels of the tag."""
    oldest = tag.interpreter.removeprefix("cp3")
    if not tag.interpreter.startswith("cp3") or not oldest.isdecimal():
        return tag.interpreter == "py3"
    return minor >= int(oldest) if tag.abi == "abi3" else minor == int(oldest)
