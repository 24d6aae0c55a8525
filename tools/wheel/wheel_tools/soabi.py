"""File names of extension modules: which Python's import system takes which file.

CPython on Linux looks for `<module>` + each of these, in this order (importlib.machinery's
EXTENSION_SUFFIXES): `.<SOABI>.so` (PEP 3149), `.abi3.so` (PEP 384), `.so`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SOABI = re.compile(r"cpython-3(?P<minor>\d{1,3})(?P<flags>[a-z]{0,3})(?P<triplet>-[\w-]+)?", re.ASCII)


@dataclass(frozen=True)
class ExtensionName:
    """A `.so` file's name, taken apart."""

    path: str
    # "vllm/third_party/deep_gemm", or "" for a top-level module.
    package: str
    module: str
    # "soabi", "abi3", "abi3t", "plain" (no tag), "other" (a tag of no CPython, such as pypy's).
    kind: str
    # What stands between the module's name and .so.
    tag: str = ""
    minor: int = 0
    free_threaded: bool = False
    debug: bool = False
    triplet: str = ""

    @property
    def dotted(self) -> str:
        return ".".join(filter(None, (*self.package.split("/"), self.module)))


def parse_extension_name(path: str) -> ExtensionName | None:
    """The parts of a `.so` file's name; None for a path that does not end in .so."""
    package, _, base = path.rpartition("/")
    if not base.endswith(".so"):
        return None
    module, _, tag = base[: -len(".so")].partition(".")
    if not tag:
        return ExtensionName(path, package, module, "plain")
    if tag in ("abi3", "abi3t"):
        return ExtensionName(path, package, module, tag, tag, free_threaded=tag == "abi3t")
    match = _SOABI.fullmatch(tag)
    if not match:
        return ExtensionName(path, package, module, "other", tag)
    return ExtensionName(
        path,
        package,
        module,
        "soabi",
        tag,
        int(match["minor"]),
        "t" in match["flags"],
        "d" in match["flags"],
        (match["triplet"] or "")[1:],
    )


def soabi(minor: int, triplet: str, flags: str = "") -> str:
    """The SOABI of an ordinary CPython 3.<minor> on Linux."""
    return f"cpython-3{minor}{flags}-{triplet}"


def init_function(module: str) -> str:
    """The function that the import system calls in a module's file (PEP 489)."""
    if module.isascii():
        return f"PyInit_{module}"
    return "PyInitU_" + module.encode("punycode").decode("ascii").replace("-", "_")


# Triplets that CPython's configure gives, by machine; the second is musl's.
TRIPLETS = {
    "x86_64": ("x86_64-linux-gnu", "x86_64-linux-musl"),
    "aarch64": ("aarch64-linux-gnu", "aarch64-linux-musl"),
    "i686": ("i386-linux-gnu", "i386-linux-musl"),
    "armv7l": ("arm-linux-gnueabihf", "arm-linux-musleabihf"),
    "ppc64le": ("powerpc64le-linux-gnu", "powerpc64le-linux-musl"),
    "ppc64": ("powerpc64-linux-gnu", "powerpc64-linux-musl"),
    "s390x": ("s390x-linux-gnu", "s390x-linux-musl"),
    "riscv64": ("riscv64-linux-gnu", "riscv64-linux-musl"),
    "loongarch64": ("loongarch64-linux-gnu", "loongarch64-linux-musl"),
}
