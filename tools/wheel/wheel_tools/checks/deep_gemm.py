"""DeepGEMM: the headers that its JIT compiler reads, and nothing of an older layout."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from wheel_tools.archive import Member
from wheel_tools.errors import WheelError
from wheel_tools.examine import Wheel
from wheel_tools.findings import Finding
from wheel_tools.options import Options

# The package, at any depth: deep_gemm, vllm/third_party/deep_gemm.
_PACKAGE = re.compile(r"(?:.*/)?deep_gemm", re.DOTALL)
_TREES = ("deep_gemm/", "cute/", "cutlass/")
_INCLUDE = re.compile(rb"^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"\n]{1,300})[>\"]", re.MULTILINE)
_MAX_HEADER = 4 << 20


def packages(wheel: Wheel) -> list[str]:
    """The directories that hold a DeepGEMM and a shared object, which some builds load without importing it."""
    folders = {posixpath.dirname(library.path) for library in wheel.libraries}
    return sorted(filter(_PACKAGE.fullmatch, folders))


def check_deep_gemm(wheel: Wheel, options: Options) -> Iterator[Finding]:
    for package in packages(wheel):
        prefix = f"{package}/include/"
        members = wheel.archive.by_name.items()
        headers = {name[len(prefix) :]: member for name, member in members if name.startswith(prefix)}
        if options.jit_headers is not None:
            yield from _against_manifest(wheel, prefix, headers, options.jit_headers)
        yield from _includes(wheel, package, prefix, headers)
        yield from _leftovers(wheel, package)


def _against_manifest(
    wheel: Wheel, prefix: str, headers: dict[str, Member], wanted: dict[str, str]
) -> Iterator[Finding]:
    for path in sorted(wanted.keys() - headers.keys()):
        yield Finding("jit-header-missing", prefix + path, "no such file", "the header, as DeepGEMM's source has it")
    for path in sorted(headers.keys() - wanted.keys()):
        found = "a header that DeepGEMM's source lacks"
        yield Finding("layout-leftover", prefix + path, found, "the headers of one version only")
    for path in sorted(wanted.keys() & headers.keys()):
        digest = wheel.digests.get(headers[path].index, {}).get("sha256")
        if digest and digest != wanted[path]:
            required = f"{wanted[path]}, as DeepGEMM's source has it"
            yield Finding("jit-header-changed", prefix + path, digest, required)


def _includes(wheel: Wheel, package: str, prefix: str, headers: dict[str, Member]) -> Iterator[Finding]:
    """The wheel has every header that the extension's generated code includes, and every header that those include."""
    todo = [
        (name, library.path)
        for library in wheel.libraries
        if posixpath.dirname(library.path) == package
        for name in sorted(library.marks.includes)
    ]
    seen: set[str] = set()
    while todo:
        name, user = todo.pop()
        if name in seen or not name.startswith(_TREES):
            continue
        seen.add(name)
        member = headers.get(name)
        if member is None:
            found = f"no such file; {posixpath.basename(user)} includes it"
            yield Finding("jit-header-missing", prefix + name, found, "every header that DeepGEMM's runtime compiles")
            continue
        try:
            text = wheel.archive.read(member, _MAX_HEADER)
        except WheelError:
            # The member is reported as unreadable already, or is no header by its size.
            continue
        for quote, target in _INCLUDE.findall(text):
            path = target.decode("utf-8", "replace")
            near = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            todo.append((near if quote == b'"' and near in headers else path, name))


def _leftovers(wheel: Wheel, package: str) -> Iterator[Finding]:
    mine = [library for library in wheel.modules if posixpath.dirname(library.path) == package]
    per_python = [m for m in mine if m.name.kind == "soabi"]
    if not per_python:
        return
    kept, required = per_python[0].name.module, "the files of one build only"
    for library in mine:
        if library.name.kind != "soabi" or library.name.module != kept:
            found = f"a second extension beside {kept}'s file per CPython"
            yield Finding("layout-leftover", library.path, found, required)
    for suffix in (".py", ".pyc"):
        path = f"{package}/{kept}{suffix}"
        if path in wheel.archive.by_name:
            yield Finding("layout-leftover", path, f"a module that {kept}'s extension shadows", required)
