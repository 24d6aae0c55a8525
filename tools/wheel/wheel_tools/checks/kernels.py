"""Checks the compiled kernels of a DeepGEMM package (`aot/`): each must lie under the key that DeepGEMM computes.

The key covers the text of DeepGEMM's headers. If a header changes after a kernel was compiled, DeepGEMM does not find
the kernel: it compiles it again, or fails on a machine without nvcc.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterator
from functools import partial

from wheel_tools.archive import Member
from wheel_tools.checks.deep_gemm import packages
from wheel_tools.errors import WheelError
from wheel_tools.examine import Library, Wheel
from wheel_tools.findings import Finding
from wheel_tools.kernel_keys import Headers, kernel_key
from wheel_tools.kernel_pack import unpack
from wheel_tools.options import Options

_FILES = ("compiler.txt", "kernels.lz", "manifest.json")
# A `_C` that looks for kernels in aot/ contains this string.
_MARKER = b"DG_JIT_AOT_REPORT"
_ELF = b"\x7fELF"
_EM_CUDA = 190


def check_kernels(wheel: Wheel, options: Options) -> Iterator[Finding]:
    for package in packages(wheel):
        prefix = f"{package}/aot/"
        files = {
            name[len(prefix) :]: member
            for name, member in wheel.archive.by_name.items()
            if name.startswith(prefix) and not member.is_dir
        }
        if files:
            yield from _unused(wheel, package, prefix)
            yield from _entries(wheel, package, prefix, files)


def _unused(wheel: Wheel, package: str, prefix: str) -> Iterator[Finding]:
    for library in wheel.libraries:
        if posixpath.dirname(library.path) == package and library.is_module and not _has_marker(wheel, library):
            yield Finding(
                "kernels-unused",
                library.path,
                f"a module that does not look for kernels in {prefix}",
                "a module that does: deepgemm_extension with kernels_ahead_of_time",
            )


def _has_marker(wheel: Wheel, library: Library) -> bool:
    tail = b""
    member = wheel.archive.by_name[library.path]
    for chunk in wheel.archive.chunks(member):
        if _MARKER in tail + chunk:
            return True
        tail = chunk[-len(_MARKER) :]
    return False


def _entries(wheel: Wheel, package: str, prefix: str, files: dict[str, Member]) -> Iterator[Finding]:
    for path in sorted(files.keys() - set(_FILES)):
        yield Finding("kernel-unknown", prefix + path, "a file that DeepGEMM does not read", ", ".join(_FILES))
    for path in _FILES:
        if path not in files:
            yield Finding("kernels-incomplete", prefix + path, "no such file", "the file that deepgemm_wheel writes")
            return
    compiler, packed, manifest = (wheel.archive.read(files[path]) for path in _FILES)
    try:
        cubins = unpack(packed)
    except ValueError as error:
        yield Finding("kernel-unreadable", prefix + "kernels.lz", f"{error}", "the file that deepgemm_wheel writes")
        return
    kernels = _kernels(manifest)
    if kernels is None:
        found = "no list of kernels with flags and source"
        yield Finding("kernels-incomplete", prefix + "manifest.json", found, "the file that deepgemm_wheel writes")
        return
    for name in sorted(kernels.keys() ^ cubins.keys()):
        found = f"{name} in {'manifest.json' if name in kernels else 'kernels.lz'} alone"
        yield Finding("kernels-incomplete", prefix + "kernels.lz", found, "each kernel in both")
    headers = Headers(lambda path: _read(wheel, f"{package}/include/{path}"))
    for name in sorted(kernels.keys() & cubins.keys()):
        yield from _entry(prefix + name, cubins[name], partial(kernel_key, headers, compiler, *kernels[name]))


def _entry(path: str, cubin: bytes, key_of: Callable[[], str]) -> Iterator[Finding]:
    if cubin[:4] != _ELF or int.from_bytes(cubin[18:20], "little") != _EM_CUDA:
        yield Finding("kernel-unreadable", path, "no cubin", "an ELF file for CUDA")
    found = path.rpartition(".")[2]
    try:
        key = key_of()
    except WheelError as error:
        yield Finding("kernel-stale", path, f"{error.where}: {error.found}", error.expected)
        return
    if key != found:
        yield Finding(
            "kernel-stale",
            path,
            f"key {found}",
            f"key {key}, computed from the source, the flags, compiler.txt and the wheel's headers",
        )


def _kernels(manifest: bytes) -> dict[str, tuple[str, bytes]] | None:
    """Returns the flags and the source of each kernel, or None if one has no such texts in UTF-8."""
    try:
        kernels = json.loads(manifest)["kernels"]
        return {name: (facts["flags"].encode().decode(), facts["source"].encode()) for name, facts in kernels.items()}
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def _read(wheel: Wheel, path: str) -> bytes | None:
    member = wheel.archive.get(path)
    return None if member is None else wheel.archive.read(member)
