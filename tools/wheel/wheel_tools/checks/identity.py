"""Identity: each module's file is what its name says."""

from __future__ import annotations

from collections.abc import Iterator

from wheel_tools.checks.modules import stable_abi_level
from wheel_tools.cpython_symbols import known_minors
from wheel_tools.examine import Library, Wheel
from wheel_tools.findings import Finding
from wheel_tools.loading import Loader
from wheel_tools.options import Options
from wheel_tools.soabi import soabi, triplet


def check_identity(wheel: Wheel, options: Options) -> Iterator[Finding]:
    yield from _machines(wheel)
    for library in wheel.libraries:
        if library.elf is None:
            yield Finding("elf-unreadable", library.path, library.error, "an ELF shared object")
        elif library.elf.program and library.is_module:
            yield Finding("elf-unreadable", library.path, "a program", "an ELF shared object")
        elif library.is_module:
            yield from _name(wheel, library)
        elif library.is_operators:
            yield from _compiled(wheel, [library])
    for _, files in wheel.module_groups():
        yield from _compiled(wheel, files)
        yield from _same_bytes(files)


def _machines(wheel: Wheel) -> Iterator[Finding]:
    """Modules and what they need are for the tag's machine. Other files may be helpers for another machine."""
    wanted, readable = wheel.machines, [library for library in wheel.libraries if library.elf]
    if not wanted:
        return
    stray = not any(library.elf.machine in wanted for library in readable)
    loader = Loader(wheel)
    used = {name for library in readable for name in library.elf.needed}
    for library in readable:
        needed = any(library in loader.named(name) for name in used)
        if library.elf.machine not in wanted and (library.is_module or needed or stray):
            found = f"an ELF file for {library.elf.machine}"
            required = f"one for {' or '.join(sorted(wanted))}, as the wheel's platform tag says"
            yield Finding("elf-machine", library.path, found, required)


def _name(wheel: Wheel, library: Library) -> Iterator[Finding]:
    name, machine = library.name, library.elf.machine
    if name.kind == "other":
        required = "cpython-3X-<machine>-linux-gnu, abi3, or no tag: no CPython looks for another"
        yield Finding("identity-soabi", library.path, f"the tag {name.tag!r} in the file's name", required)
    libcs = sorted({platform.libc for platform in wheel.platforms} - {""}) or ["glibc", "musl"]
    if name.kind == "soabi":
        wanted = [triplet(name.minor, machine, libc) for libc in libcs]
        if name.triplet not in wanted:
            found = f"the SOABI {name.tag!r} on an ELF file for {machine}"
            required = f"{soabi(name.minor, wanted[0])}: CPython on this machine looks for no other"
            yield Finding("identity-soabi", library.path, found, required)
    special = ("free-threaded" if name.free_threaded else "") or ("debug" if name.debug else "")
    abi = f"cp3{name.minor}{'t' if name.free_threaded else 'd'}"
    if special and name.kind == "soabi" and not any(tag.abi == abi for tag in wheel.tags):
        wanted = soabi(name.minor, name.triplet)
        required = f"that of an ordinary one, {wanted}: the wheel has no tag for a {special} build"
        yield Finding(f"identity-{special}", library.path, f"the SOABI of a {special} build, {name.tag}", required)


def _compiled(wheel: Wheel, files: list[Library]) -> Iterator[Finding]:
    for library in files:
        compiled, name = library.compiled, library.name
        if compiled is None or library.elf is None:
            continue
        served = wheel.served_by(library, files)
        claim = name.tag or "the wheel's tag"
        if compiled.debug and not name.debug:
            required = f"one compiled for an ordinary CPython, as {claim} says"
            yield Finding("identity-debug", library.path, "a module compiled with a debug CPython's headers", required)
        threaded = name.free_threaded or (name.kind == "plain" and any(p.free_threaded for p in served))
        ordinary = not name.free_threaded and (name.kind != "plain" or any(not p.free_threaded for p in served))
        if (compiled.free_threaded and ordinary) or (compiled.ordinary and threaded):
            kinds = ("a free-threaded CPython", "an ordinary CPython")
            found, wanted = kinds if compiled.free_threaded else reversed(kinds)
            required = f"one compiled for {wanted}, as {claim} says"
            yield Finding("identity-free-threaded", library.path, f"a module compiled for {found}", required)
        elif name.kind == "soabi":
            yield from _one_python(library, name.minor)
        elif name.kind == "plain":
            stable = stable_abi_level(library.elf) is not None
            for minor in sorted({python.minor for python in served}):
                yield from (f for f in _one_python(library, minor) if not (stable and f.unproven))


def _one_python(library: Library, minor: int) -> Iterator[Finding]:
    compiled = library.compiled
    evidence = "; ".join(compiled.evidence)
    required = f"proof that it was compiled for 3.{minor}"
    if minor not in known_minors():
        yield Finding("identity-unproven", library.path, "nothing is known of this CPython's symbols", required)
    elif minor not in compiled.minors:
        # Pieces of evidence that contradict each other fit no CPython.
        found = f"a module compiled for CPython {compiled}" if compiled.minors else "a module that fits no CPython"
        required = f"one compiled for 3.{minor}, which loads it by its name"
        yield Finding("identity-python", library.path, f"{found} ({evidence})", required)
    elif compiled.minors != {minor}:
        found = f"a module compiled for one of CPython {compiled} ({evidence or 'nothing in it says more'})"
        yield Finding("identity-unproven", library.path, found, required)


def _same_bytes(files: list[Library]) -> Iterator[Finding]:
    seen: dict[str, Library] = {}
    for library in files:
        if library.name.kind == "soabi" and library.digest:
            first = seen.setdefault(library.digest, library)
            if first is not library:
                required = "a file compiled for this CPython: a copy under another name is not one"
                yield Finding("identity-same-bytes", library.path, f"the same bytes as {first.base}", required)
