"""Checks the compiled kernels of a DeepGEMM package (`aot/`): each must lie under the key that DeepGEMM computes.

The key covers the text of DeepGEMM's headers. If a header changes after a kernel was compiled, DeepGEMM does not find
the kernel: it compiles it again, or fails on a machine without nvcc.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from wheel_tools.archive import Member
from wheel_tools.checks.deep_gemm import packages
from wheel_tools.errors import WheelError
from wheel_tools.examine import Library, Wheel
from wheel_tools.findings import Finding
from wheel_tools.kernel_keys import Headers, kernel_key
from wheel_tools.options import Options

_ENTRY = re.compile(r"(?P<name>(?P<tag>\w+)\.(?P<key>[0-9a-f]{32}))/(?P<file>kernel\.cu|kernel\.cubin)", re.ASCII)
# A `_C` that looks for kernels in aot/ contains this string.
_MARKER = b"DG_JIT_AOT_REPORT"
_ELF = b"\x7fELF"
_EM_CUDA = 190
# The magic number of a fatbin, which holds a compressed cubin.
_FATBIN = b"\x50\xed\x55\xba"


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
    entries: dict[str, dict[str, Member]] = {}
    for path, member in sorted(files.items()):
        entry = _ENTRY.fullmatch(path.removeprefix("cache/")) if path.startswith("cache/") else None
        if entry:
            entries.setdefault(entry["name"], {})[entry["file"]] = member
        elif path not in ("compiler.txt", "manifest.json"):
            yield Finding(
                "kernel-unknown",
                prefix + path,
                "a file that DeepGEMM does not read",
                "cache/<tag>.<key>/ with kernel.cu and kernel.cubin",
            )
    manifest = _manifest(wheel, files)
    if "compiler.txt" not in files or manifest is None:
        missing = "compiler.txt" if "compiler.txt" not in files else "manifest.json"
        found = "no such file, or no list of kernels"
        yield Finding("kernels-incomplete", prefix + missing, found, "the file that deepgemm_wheel writes")
        return
    for name in sorted(manifest.keys() ^ entries.keys()):
        found = "in manifest.json without files" if name in manifest else "files that manifest.json does not list"
        yield Finding("kernels-incomplete", f"{prefix}cache/{name}", found, "an entry in both")
    headers = Headers(lambda path: _read(wheel, f"{package}/include/{path}"))
    key_of = partial(kernel_key, headers, wheel.archive.read(files["compiler.txt"]))
    for name in sorted(manifest.keys() & entries.keys()):
        yield from _entry(wheel, f"{prefix}cache/{name}", entries[name], manifest[name], key_of)


def _entry(
    wheel: Wheel, path: str, entry: dict[str, Member], facts: Any, key_of: Callable[[str, bytes], str]
) -> Iterator[Finding]:
    for file in sorted({"kernel.cu", "kernel.cubin"} - entry.keys()):
        yield Finding("kernels-incomplete", f"{path}/{file}", "no such file", "the file")
        return
    cubin = wheel.archive.read(entry["kernel.cubin"])
    is_cubin = cubin[:4] == _ELF and int.from_bytes(cubin[18:20], "little") == _EM_CUDA
    if not is_cubin and cubin[:4] != _FATBIN:
        yield Finding("kernel-unreadable", f"{path}/kernel.cubin", "no cubin", "an ELF file for CUDA, or a fatbin")
    flags = facts.get("flags") if isinstance(facts, dict) else None
    found = path.rpartition(".")[2]
    try:
        if not isinstance(flags, str):
            raise WheelError(
                path, found="no flags in manifest.json", expected="nvcc's flags", fix="build the kernels again"
            )
        key = key_of(flags, wheel.archive.read(entry["kernel.cu"]))
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


def _manifest(wheel: Wheel, files: dict[str, Member]) -> dict[str, Any] | None:
    if "manifest.json" not in files:
        return None
    try:
        kernels = json.loads(wheel.archive.read(files["manifest.json"]))["kernels"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return kernels if isinstance(kernels, dict) else None


def _read(wheel: Wheel, path: str) -> bytes | None:
    member = wheel.archive.get(path)
    return None if member is None else wheel.archive.read(member)
