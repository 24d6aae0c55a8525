"""File names of extension modules: which Python's import system loads which file.

CPython on Linux looks for `<module>` + each of its EXTENSION_SUFFIXES (importlib.machinery): `.<SOABI>.so` (PEP 3149),
`.abi3.so` (PEP 384; with the machine's triplet too since 3.15), `.abi3t.so` (PEP 803, since 3.15), `.so`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SOABI = re.compile(r"cpython-3(?P<minor>\d{1,3})(?P<flags>[a-z]{0,3})(?:-(?P<triplet>[\w-]+))?", re.ASCII)
_STABLE = re.compile(r"(?P<kind>abi3t?)(?:-(?P<triplet>[\w-]+))?", re.ASCII)

# How the triplets that CPython's configure gives name a CPU, where a platform tag names it otherwise.
_CPUS = {"i686": "i386", "armv6l": "arm", "armv7l": "arm", "ppc64le": "powerpc64le", "ppc64": "powerpc64"}
# Older CPythons on musl name glibc's triplet.
_MUSL_TRIPLET_SINCE = 11
# The first CPython that loads abi3t files, and stable-ABI files with a triplet in their names.
_ABI3T_SINCE = 15


@dataclass(frozen=True)
class ExtensionName:
    """A `.so` file's name, taken apart."""

    path: str
    # "vllm/third_party/deep_gemm", or "" for a top-level module.
    package: str
    # The part of the file name before the first dot.
    module: str
    # "soabi", "abi3", "abi3t", "plain" (no tag), "other" (a tag of no CPython, such as pypy's).
    kind: str
    # The text between the module's name and ".so".
    tag: str = ""
    minor: int = 0
    free_threaded: bool = False
    debug: bool = False
    triplet: str = ""

    @property
    def dotted(self) -> str:
        """The name to import: "package.module". `package/__init__.….so` is the package itself."""
        parts = [*filter(None, self.package.split("/")), self.module]
        return ".".join(parts[:-1] if self.module == "__init__" and len(parts) > 1 else parts)

    @property
    def init_functions(self) -> tuple[str, str]:
        """CPython calls one of these functions: PyInit_… (PEP 489), or PyModExport_… since 3.15 (PEP 793)."""
        name = self.dotted.rpartition(".")[2]
        if name.isascii():
            return f"PyInit_{name}", f"PyModExport_{name}"
        encoded = name.encode("punycode").decode("ascii").replace("-", "_")
        return f"PyInitU_{encoded}", f"PyModExportU_{encoded}"


def parse_extension_name(path: str) -> ExtensionName | None:
    """The parts of a `.so` file's name; None for a path that does not end in .so."""
    package, _, base = path.rpartition("/")
    if not base.endswith(".so"):
        return None
    module, _, tag = base[: -len(".so")].partition(".")
    if not tag:
        return ExtensionName(path, package, module, "plain")
    if match := _STABLE.fullmatch(tag):
        kind = match["kind"]
        return ExtensionName(path, package, module, kind, tag, free_threaded=kind == "abi3t", triplet=match[2] or "")
    match = _SOABI.fullmatch(tag)
    if not match:
        return ExtensionName(path, package, module, "other", tag)
    flags = match["flags"]
    return ExtensionName(
        path, package, module, "soabi", tag, int(match["minor"]), "t" in flags, "d" in flags, match["triplet"] or ""
    )


def soabi(minor: int, triplet: str, flags: str = "") -> str:
    """The SOABI of CPython 3.<minor> on Linux; flags: "t" for the free-threaded build, "d" for a debug build."""
    return f"cpython-3{minor}{flags}-{triplet}"


def triplet(minor: int, machine: str, libc: str) -> str:
    """The triplet of CPython 3.<minor> on a machine with "glibc" or "musl"."""
    cpu = _CPUS.get(machine, machine)
    system = "musl" if libc == "musl" and minor >= _MUSL_TRIPLET_SINCE else "gnu"
    return f"{cpu}-linux-{system}{'eabihf' if cpu == 'arm' else ''}"


def suffixes(minor: int, free_threaded: bool, triplets: Sequence[str]) -> list[str]:
    """What a CPython 3.<minor> of one of the triplets puts behind a module's name, in its order."""
    found = [f".{soabi(minor, triplet, 't' if free_threaded else '')}.so" for triplet in triplets]
    for kind in ["abi3"] * (not free_threaded) + ["abi3t"] * (minor >= _ABI3T_SINCE):
        if minor >= _ABI3T_SINCE:
            found += [f".{kind}-{triplet}.so" for triplet in triplets]
        found.append(f".{kind}.so")
    return [*found, ".so"]
