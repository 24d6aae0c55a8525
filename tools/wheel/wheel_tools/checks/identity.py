"""Identity: each module's file is what its name says."""

from __future__ import annotations

from collections.abc import Iterator

from wheel_tools.checks.coverage import provider, stable_abi_level
from wheel_tools.checks.platforms import machine_of, machines, torch_and_cuda
from wheel_tools.cpython_symbols import (
    exporters,
    is_python_symbol,
    known_minors,
    stable_abi_since,
)
from wheel_tools.evidence import minor_ranges
from wheel_tools.examine import Library, Wheel
from wheel_tools.findings import Finding
from wheel_tools.options import Options
from wheel_tools.soabi import TRIPLETS, init_function, soabi

_REBUILD = "compile the module anew with the headers of the Python that its name says"


def check_identity(wheel: Wheel, options: Options) -> Iterator[Finding]:
    for library in wheel.libraries:
        if library.elf is None:
            yield Finding(
                "elf-unreadable",
                library.path,
                library.error,
                "an ELF shared object",
                "build the file anew; it cannot be loaded",
            )
            continue
        yield from _machine(wheel, library)
        if library.is_module:
            yield from _init(library)
            yield from _name(wheel, library)
            yield from _symbols(library)
    for module, files in wheel.module_groups():
        yield from _compiled(wheel, files, options)
        yield from _same_bytes(module, files)


def _machine(wheel: Wheel, library: Library) -> Iterator[Finding]:
    found = machine_of(library.elf)
    wanted = machines(wheel.tags)
    if wanted and found not in wanted:
        yield Finding(
            "elf-machine",
            library.path,
            f"an ELF file for {found}",
            f"one for {' or '.join(sorted(wanted))}, as the wheel's platform tag says",
            "build the file for that machine, or mend the platform tag",
        )


def _init(library: Library) -> Iterator[Finding]:
    wanted = init_function(library.name.module)
    if wanted not in library.elf.inits:
        others = ", ".join(sorted(library.elf.inits)[:3])
        yield Finding(
            "elf-no-init",
            library.path,
            f"no exported {wanted}" + (f"; there is {others}" if others else ""),
            f"{wanted}, which the import system calls",
            "export it (PyMODINIT_FUNC), or give the file its module's name",
        )


def _name(wheel: Wheel, library: Library) -> Iterator[Finding]:
    name = library.name
    if name.kind == "other":
        yield Finding(
            "identity-soabi",
            library.path,
            f"the tag {name.tag!r} in the file's name",
            "cpython-3X-<machine>-linux-gnu, abi3, or no tag: no CPython looks for another",
            "name the file by its Python's sysconfig EXT_SUFFIX",
        )
    if name.kind == "soabi":
        triplets = TRIPLETS.get(library.elf.machine, ())
        if name.triplet not in triplets:
            wanted = soabi(name.minor, triplets[0] if triplets else "<machine>-linux-gnu")
            yield Finding(
                "identity-soabi",
                library.path,
                f"the SOABI {name.tag!r} on an ELF file for {library.elf.machine}",
                f"{wanted}: CPython on this machine looks for no other",
                "name the file by its Python's sysconfig EXT_SUFFIX",
            )
    special = ("free-threaded" if name.free_threaded else "") or ("debug" if name.debug else "")
    if special and name.kind == "soabi" and not _declared(wheel, name.minor, special):
        yield Finding(
            f"identity-{special}",
            library.path,
            f"the SOABI of a {special} build, {name.tag}",
            f"that of an ordinary one, {soabi(name.minor, name.triplet)}: the wheel has no tag for a {special} build",
            "build the module with an ordinary CPython's headers",
        )


def _declared(wheel: Wheel, minor: int, special: str) -> bool:
    suffix = "t" if special == "free-threaded" else "d"
    return any(tag.abi == f"cp3{minor}{suffix}" for tag in wheel.tags)


def _symbols(library: Library) -> Iterator[Finding]:
    """Undefined symbols that no interpreter which takes the file has."""
    names = sorted(n for n, weak in library.elf.undefined.items() if is_python_symbol(n) and not weak)
    if library.name.kind == "abi3":
        outside = [n for n in names if stable_abi_since(n) is None]
        if outside:
            yield Finding(
                "abi3-symbol",
                library.path,
                "undefined symbols that are not in the stable ABI: " + _some(outside),
                "only symbols of the stable ABI, as .abi3.so promises",
                "define Py_LIMITED_API when compiling, or ship a file per CPython",
            )
        return
    if library.compiled is None or library.compiled.free_threaded or library.compiled.debug:
        return
    unknown = [n for n in names if not exporters(n) and stable_abi_since(n) is None]
    # Another library may provide a symbol of such a name; CPython's and torch's own do not.
    if unknown and all(
        torch_and_cuda(n) or (n.startswith("lib") and n.endswith((".so.6", ".so.1", ".so.2", ".so.0")))
        for n in library.elf.needed
    ):
        yield Finding(
            "identity-symbol",
            library.path,
            f"undefined symbols that no CPython {minor_ranges(set(known_minors()))} exports: {_some(unknown)}",
            "symbols that the interpreter exports",
            "link the library that defines them, or use the public C API",
        )


def _compiled(wheel: Wheel, files: list[Library], options: Options) -> Iterator[Finding]:
    for library in files:
        compiled, name = library.compiled, library.name
        if compiled is None or library.elf is None:
            continue
        if compiled.debug and not name.debug:
            yield Finding(
                "identity-debug",
                library.path,
                "a module compiled with a debug CPython's headers",
                f"one compiled for an ordinary CPython, as {name.tag or 'its name'} says",
                _REBUILD,
            )
        if compiled.free_threaded != name.free_threaded and (compiled.free_threaded or compiled.ordinary):
            kinds = ("a free-threaded CPython", "an ordinary CPython")
            found, wanted = kinds if compiled.free_threaded else reversed(kinds)
            yield Finding(
                "identity-free-threaded",
                library.path,
                f"a module compiled for {found}",
                f"one compiled for {wanted}, as {name.tag or 'its name'} says",
                _REBUILD,
            )
            continue
        if name.kind == "soabi":
            yield from _one_python(library, name.minor, options)
        elif name.kind == "plain" and stable_abi_level(library.elf) is None:
            for minor in wheel.installable:
                if provider(files, minor) is library:
                    yield from _one_python(library, minor, options)


def _one_python(library: Library, minor: int, options: Options) -> Iterator[Finding]:
    compiled = library.compiled
    evidence = "; ".join(compiled.evidence)
    if minor not in known_minors():
        yield from _unproven(library, minor, "nothing is known of this CPython's symbols", options)
    elif minor not in compiled.minors:
        # Where the pieces contradict each other the file is no Python's.
        found = f"a module compiled for CPython {compiled}" if compiled.minors else "a module that fits no CPython"
        yield Finding(
            "identity-python",
            library.path,
            f"{found} ({evidence})",
            f"one compiled for 3.{minor}, which loads it by its name",
            _REBUILD,
        )
    elif compiled.minors != {minor}:
        yield from _unproven(
            library,
            minor,
            f"a module compiled for one of CPython {compiled} ({evidence or 'nothing in it tells more'})",
            options,
        )


def _unproven(library: Library, minor: int, found: str, options: Options) -> Iterator[Finding]:
    if options.strict:
        yield Finding(
            "identity-unproven",
            library.path,
            found,
            f"proof that it was compiled for 3.{minor}",
            "use a binding library that records it, such as pybind11, or do not ask for proof",
        )


def _same_bytes(module: str, files: list[Library]) -> Iterator[Finding]:
    seen: dict[str, Library] = {}
    for library in files:
        if library.name.kind != "soabi" or not library.digest:
            continue
        first = seen.setdefault(library.digest, library)
        if first is not library:
            yield Finding(
                "identity-same-bytes",
                library.path,
                f"the same bytes as {first.path.rpartition('/')[2]}",
                "a file compiled for this CPython: a copy under another name is not one",
                f"build {module} for each CPython, or once for the stable ABI as .abi3.so",
            )


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
