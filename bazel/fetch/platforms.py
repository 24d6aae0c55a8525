"""The CPUs that repository programs serve, on Linux with glibc, and the names that follow from each.

bazel/platforms/cpus.bzl has the same for Starlark; a test compares the two.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Cpu:
    """The names of one CPU."""

    # Debian's architecture.
    debian: str
    # The file name of glibc's dynamic loader.
    loader: str
    # Debian's multiarch tuple: the directory of its libraries, and the platform part of an extension's SOABI.
    triplet: str

    def soabi(self, minor: str) -> str:
        """The SOABI of the ordinary build of a CPython: `cpython-312-x86_64-linux-gnu` for "3.12"."""
        return f"cpython-{minor.replace('.', '')}-{self.triplet}"


# A key is the CPU's name in platform tags of wheels and in `uname -m`.
CPUS = {
    "x86_64": Cpu("amd64", "ld-linux-x86-64.so.2", "x86_64-linux-gnu"),
    "aarch64": Cpu("arm64", "ld-linux-aarch64.so.1", "aarch64-linux-gnu"),
}
# From the minor version of the glibc 2.x that a wheel needs to its tag before PEP 600.
MANYLINUX_ALIASES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
