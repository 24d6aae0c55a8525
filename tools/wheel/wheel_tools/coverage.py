"""Which CPythons the extension modules among a wheel's files serve, by their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.tags import Tag

from wheel_tools.pythons import minor
from wheel_tools.soabi import parse_extension_name


def served_pythons(paths: Iterable[str], tags: Iterable[Tag], pythons: Sequence[str]) -> dict[str, list[str]]:
    """For each extension module ("deep_gemm/_C"), those of the Pythons that a file of it is for.

    A free-threaded or debug build serves no ordinary CPython; one for the stable ABI serves those that the wheel's
    tags say. A plain `name.so` says nothing about what it was compiled for, and serves none.
    """
    oldest = [
        int(tag.interpreter[3:])
        for tag in tags
        if tag.abi == "abi3" and tag.interpreter.startswith("cp3") and tag.interpreter[3:].isdecimal()
    ]
    modules: dict[str, set[str]] = {}
    for path in paths:
        name = parse_extension_name(path)
        if not name:
            continue
        served = modules.setdefault(f"{name.package}/{name.module}", set())
        if name.kind == "abi3" and oldest:
            served.update(python for python in pythons if minor(python) >= min(oldest))
        elif name.kind == "soabi" and not (name.free_threaded or name.debug):
            served.add(f"3.{name.minor}")
    return {module: sorted(served, key=minor) for module, served in sorted(modules.items())}
