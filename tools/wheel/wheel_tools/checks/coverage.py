"""Coverage: every CPython that may install the wheel finds a file for each extension module."""

from __future__ import annotations

from collections.abc import Iterator

from wheel_tools.cpython_symbols import is_python_symbol, stable_abi_since
from wheel_tools.elf import SharedObject
from wheel_tools.evidence import minor_ranges
from wheel_tools.examine import Library, Wheel
from wheel_tools.findings import Finding
from wheel_tools.options import Options
from wheel_tools.soabi import TRIPLETS, soabi


def check_coverage(wheel: Wheel, options: Options) -> Iterator[Finding]:
    if wheel.modules and not wheel.installable:
        text = str(wheel.requires_python) if wheel.requires_python is not None else "(none)"
        yield Finding(
            "coverage-nothing",
            wheel.archive.path.name,
            f"Requires-Python {text} with the tags " + ", ".join(sorted(map(str, wheel.tags))[:4]),
            "a CPython that both of them admit",
            "mend Requires-Python or the tags",
        )
    for module, files in wheel.module_groups():
        for minor in wheel.installable:
            if provider(files, minor) is None:
                yield _missing(module, files, minor)
        if _open_ended(wheel) and not any(f.name.kind in ("abi3", "plain") for f in files):
            yield Finding(
                "coverage-open-end",
                wheel.archive.path.name,
                f"Requires-Python admits CPython 3.{wheel.open_from} and every later one, and "
                f"{module} has a file per CPython",
                "an upper end, such as <3." + str(1 + max(f.name.minor for f in files)),
                "give Requires-Python an upper end, or build the module for the stable ABI",
            )
        yield from _levels(wheel, files)


def provider(files: list[Library], minor: int) -> Library | None:
    """The file that the import system of an ordinary CPython 3.<minor> takes."""
    for library in files:
        name = library.name
        if (
            name.kind == "soabi"
            and name.minor == minor
            and not name.free_threaded
            and not name.debug
            and _right_triplet(library)
        ):
            return library
    for kind in ("abi3", "plain"):
        for library in files:
            if library.name.kind == kind:
                return library
    return None


def _right_triplet(library: Library) -> bool:
    return any(library.name.triplet in pair for pair in TRIPLETS.values())


def stable_abi_level(elf: SharedObject) -> int | None:
    """The oldest 3.X that has all of the module's symbols in its stable ABI; None if none has."""
    since = [stable_abi_since(name) for name, weak in elf.undefined.items() if is_python_symbol(name) and not weak]
    return None if None in since else max(filter(None, since), default=2)


def _open_ended(wheel: Wheel) -> bool:
    """Whether a CPython to come will install the wheel."""
    return wheel.open_from is not None and any(
        tag.abi == "abi3" or tag.interpreter in ("py3", "py2") for tag in wheel.tags
    )


def _missing(module: str, files: list[Library], minor: int) -> Finding:
    path = files[0].path
    triplet = next((f.name.triplet for f in files if _right_triplet(f)), "x86_64-linux-gnu")
    wanted = f"{files[0].name.module}.{soabi(minor, triplet)}.so"
    package = files[0].name.package
    have = ", ".join(sorted(f.path.rpartition("/")[2] for f in files)[:8])
    return Finding(
        "coverage-missing",
        f"{package}/{wanted}" if package else wanted,
        f"no file of {module} for CPython 3.{minor}; there is {have}",
        f"{wanted}, since the wheel's metadata admits 3.{minor}",
        f"build {path.rpartition('/')[2].partition('.')[0]} for 3.{minor}, or exclude 3.{minor} in Requires-Python",
    )


def _levels(wheel: Wheel, files: list[Library]) -> Iterator[Finding]:
    for library in files:
        if library.name.kind != "abi3" or library.elf is None:
            continue
        level = stable_abi_level(library.elf)
        served = [m for m in wheel.installable if provider(files, m) is library]
        late = {m for m in served if level is not None and m < level}
        if late:
            names = sorted(n for n in library.elf.undefined if is_python_symbol(n) and stable_abi_since(n) == level)
            yield Finding(
                "coverage-abi3-level",
                library.path,
                f"{names[0]}, in the stable ABI since 3.{level}",
                f"symbols that {minor_ranges(late)} has too, since the wheel's metadata admits it",
                f"compile with Py_LIMITED_API=0x03{min(served):02X}0000, or raise Requires-Python",
            )
