"""Coverage: every CPython that may install the wheel finds a file for each extension module, and can call it."""

from __future__ import annotations

from collections.abc import Iterator

from wheel_tools.cpython_symbols import is_python_symbol, stable_abi_since
from wheel_tools.elf import SharedObject
from wheel_tools.examine import Library, Wheel
from wheel_tools.findings import Finding
from wheel_tools.interpreters import listed
from wheel_tools.options import Options
from wheel_tools.pythons import ranges

# The first CPython that calls PyModExport_… (PEP 793).
_MODULE_EXPORT_SINCE = 15


def check_modules(wheel: Wheel, options: Options) -> Iterator[Finding]:
    for module, files in wheel.module_groups():
        yield from _missing(wheel, module, files)
        if _open_ended(wheel) and not any(f.name.kind in ("abi3", "abi3t", "plain") for f in files):
            found = f"{module} has a file per CPython; Requires-Python admits 3.{wheel.open_from} and every later one"
            required = f"an upper end, such as <3.{1 + max(f.name.minor for f in files)}"
            yield Finding("coverage-open-end", wheel.file_name, found, required)
        for library in files:
            if library.elf is not None:
                yield from _init(wheel, library, files)
                yield from _level(wheel, library, files)


def _missing(wheel: Wheel, module: str, files: list[Library]) -> Iterator[Finding]:
    """One finding for each platform, with all CPythons that find no file of the module."""
    for platform in wheel.targets(files):
        lacking = [p for p in wheel.interpreters if wheel.provider(files, p, platform) is None]
        if not lacking:
            continue
        wanted = files[0].name.module + lacking[0].suffixes(platform)[0]
        folder = files[0].path.rpartition("/")[0]
        have = ", ".join(sorted(f.base for f in files)[:8])
        shown = listed(lacking)
        yield Finding(
            "coverage-missing",
            f"{folder}/{wanted}" if folder else wanted,
            f"no file of {module} for CPython {shown}; there is {have}",
            f"{wanted}{' and so on' if len(lacking) > 1 else ''}, since the wheel's metadata admits {shown}",
            pythons=tuple(map(str, lacking)),
        )


def _open_ended(wheel: Wheel) -> bool:
    """Whether a CPython that is not yet released will install the wheel."""
    return wheel.open_from is not None and any(
        tag.abi in ("abi3", "abi3t") or tag.interpreter in ("py3", "py2") for tag in wheel.tags
    )


def _init(wheel: Wheel, library: Library, files: list[Library]) -> Iterator[Finding]:
    """CPython calls PyInit_<module>; since 3.15 it looks for PyModExport_<module> first."""
    init, export = library.name.init_functions
    old = [python for python in wheel.served_by(library, files) if python.minor < _MODULE_EXPORT_SINCE]
    if init in library.elf.inits or (export in library.elf.inits and not old):
        return
    others = ", ".join(sorted(library.elf.inits)[:3])
    found = f"no exported {init}" + (f"; there is {others}" if others else "")
    yield Finding("elf-no-init", library.path, found, f"{init}, which the import system calls")


def stable_abi_level(elf: SharedObject) -> int | None:
    """The oldest 3.X that has all of the module's symbols in its stable ABI; None if none has."""
    since = [stable_abi_since(name) for name, weak in elf.undefined.items() if is_python_symbol(name) and not weak]
    return None if None in since else max(filter(None, since), default=2)


def _level(wheel: Wheel, library: Library, files: list[Library]) -> Iterator[Finding]:
    if library.name.kind not in ("abi3", "abi3t"):
        return
    level = stable_abi_level(library.elf)
    served = [python.minor for python in wheel.served_by(library, files)]
    late = {minor for minor in served if level is not None and minor < level}
    if late:
        names = sorted(n for n in library.elf.undefined if is_python_symbol(n) and stable_abi_since(n) == level)
        required = f"symbols that {ranges(late)} has too, since the wheel's metadata admits it"
        remedy = f"compile with Py_LIMITED_API=0x03{min(served):02X}0000, or raise Requires-Python"
        found = f"{names[0]}, in the stable ABI since 3.{level}"
        yield Finding("coverage-abi3-level", library.path, found, required, remedy)
