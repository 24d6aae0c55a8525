"""The names of the one platform that repository programs serve: Linux on x86_64 with glibc."""

# Debian's multiarch tuple: the directory of its libraries, and the platform part of an extension's SOABI.
TRIPLET = "x86_64-linux-gnu"
# The file name of glibc's dynamic loader.
LOADER = "ld-linux-x86-64.so.2"
# From the minor version of the glibc 2.x that a wheel needs to its tag before PEP 600.
MANYLINUX_ALIASES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


def soabi(minor: str) -> str:
    """The SOABI of the ordinary build of a CPython: `cpython-312-x86_64-linux-gnu` for "3.12"."""
    return f"cpython-{minor.replace('.', '')}-{TRIPLET}"
