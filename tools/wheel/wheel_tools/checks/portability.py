"""Portability: each shared object loads wherever the platform tag lets the wheel be installed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wheel_tools.checks.platforms import Policy, platforms, policy_for, torch_and_cuda
from wheel_tools.elf import version_number
from wheel_tools.examine import Library, Wheel
from wheel_tools.findings import Finding
from wheel_tools.options import Options

# glibc's own libraries and the compiler's, for wheels whose tag promises no policy (`linux_…`).
_SYSTEM = re.compile(
    r"lib(?:c|m|dl|rt|pthread|util|stdc\+\+|gcc_s|atomic)\.so\.\d+|"
    r"ld-linux[\w-]*\.so\.\d+",
    re.ASCII,
)
# Symbols of these belong to libpython or the interpreter.
_LIBPYTHON = re.compile(r"libpython[\d.]*[a-z]*\.so[\d.]*", re.ASCII)
_BUILD_PATH = re.compile(r"_solib_|bazel-out|\.runfiles|/build/|/tmp/", re.ASCII)


def check_portability(wheel: Wheel, options: Options) -> Iterator[Finding]:
    if not wheel.libraries:
        return
    found = platforms(wheel.tags)
    if wheel.tags and not found:
        yield Finding(
            "platform-tag",
            wheel.archive.path.name,
            "the platform tags " + ", ".join(sorted({t.platform for t in wheel.tags})),
            "a Linux one, since the wheel has ELF files",
            "tag the wheel manylinux_2_X_<machine>",
        )
    policies = [policy for platform in found if (policy := policy_for(platform))]
    bundled = {library.path.rpartition("/")[2] for library in wheel.libraries}
    bundled |= {library.elf.soname for library in wheel.libraries if library.elf}
    for library in wheel.libraries:
        if library.elf is None:
            continue
        for policy in policies:
            yield from _versions(library, policy)
        yield from _libraries(library, policies, bundled, options)
        yield from _paths(library)
        yield from _memory(library)


def _versions(library: Library, policy: Policy) -> Iterator[Finding]:
    """One finding for each kind of version (GLIBC, GLIBCXX, …) that goes beyond the policy."""
    beyond: dict[str, list[str]] = {}
    for required in library.elf.versions.values():
        for version in required:
            prefix, _, number = version.partition("_")
            if prefix in policy.versions and number not in policy.versions[prefix]:
                beyond.setdefault(prefix, []).append(version)
    for prefix, versions in sorted(beyond.items()):
        versions.sort(key=lambda v: version_number(v, prefix) or ())
        newest = max(
            policy.versions[prefix],
            default="",
            key=lambda v: tuple(int(part) if part.isdecimal() else 0 for part in v.split(".")),
        )
        yield Finding(
            f"portability-{prefix.lower()}",
            library.path,
            "required symbol versions " + ", ".join(versions[-6:]),
            f"at most {prefix}_{newest}, as {policy.name} has it"
            if newest
            else f"no {prefix} version: {policy.name} has none",
            "compile against an older sysroot, or raise the platform tag",
        )


def _libraries(library: Library, policies: list[Policy], bundled: set[str], options: Options) -> Iterator[Finding]:
    for needed in library.elf.needed:
        base = needed.rpartition("/")[2]
        if _LIBPYTHON.fullmatch(base):
            yield Finding(
                "portability-libpython",
                library.path,
                f"DT_NEEDED {needed}",
                "no libpython: the interpreter itself has its symbols, and many have no shared library",
                "do not link the module with libpython",
            )
            continue
        system = (
            all(needed in policy.libraries or needed.startswith("ld-linux") for policy in policies)
            if policies
            else bool(_SYSTEM.fullmatch(needed))
        )
        if system or torch_and_cuda(needed) or needed in bundled or options.allows_library(library.path, needed):
            continue
        hint = (
            "load it with dlopen, since only a machine with a driver has it"
            if base.startswith("libcuda.so")
            else "bundle it, or load it with dlopen"
        )
        yield Finding(
            "portability-library",
            library.path,
            f"DT_NEEDED {needed}",
            "only libraries of the platform tag's policy, of torch and of CUDA, and those that are allowed",
            f"{hint}; or allow it ({library.path}:{needed})",
        )


def _paths(library: Library) -> Iterator[Finding]:
    for entry in library.elf.rpath:
        inside = entry == "$ORIGIN" or entry.startswith("$ORIGIN/")
        inside = inside or entry == "${ORIGIN}" or entry.startswith("${ORIGIN}/")
        if not inside or _BUILD_PATH.search(entry):
            yield Finding(
                "portability-rpath",
                library.path,
                f"the library search path {entry!r}",
                "none, or one that begins with $ORIGIN: others exist where it was built",
                "link without -rpath, or remove it with patchelf",
            )


def _memory(library: Library) -> Iterator[Finding]:
    if library.elf.executable_stack:
        found = (
            "no PT_GNU_STACK, which asks for an executable stack"
            if library.elf.stack_flags is None
            else "an executable stack (PT_GNU_STACK)"
        )
        yield Finding(
            "portability-execstack",
            library.path,
            found,
            "a stack that is not executable: newer kernels and glibc refuse the file",
            "link with -z noexecstack",
        )
    if library.elf.text_relocations:
        yield Finding(
            "portability-textrel",
            library.path,
            "text relocations (DT_TEXTREL)",
            "position-independent code: hardened systems refuse to load it",
            "compile with -fPIC",
        )
