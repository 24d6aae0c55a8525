"""Portability: each ELF file loads wherever the platform tag lets the wheel be installed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from auditwheel.policy import Policy

from wheel_tools.elf import version_number
from wheel_tools.examine import Library, Wheel
from wheel_tools.findings import Finding
from wheel_tools.options import Options
from wheel_tools.policies import beyond_all, policy_for
from wheel_tools.tags import LinuxPlatform

_BUILD_PATH = re.compile(r"_solib_|bazel-out|\.runfiles|/build/|/tmp/", re.ASCII)
# The largest page, in bytes, of Linux distributions for a machine, where that is more than 4 KiB.
_PAGE_SIZES = {"aarch64": 1 << 16, "ppc64": 1 << 16, "ppc64le": 1 << 16, "loongarch64": 1 << 14}


def check_portability(wheel: Wheel, options: Options) -> Iterator[Finding]:
    for library in [*wheel.libraries, *wheel.programs]:
        # Helpers for another machine are not loaded on this one.
        if library.elf is None or (wheel.machines and library.elf.machine not in wheel.machines):
            continue
        for platform in wheel.platforms:
            if policy := policy_for(platform):
                yield from _versions(library, policy, platform)
        if not library.elf.program:
            yield from _paths(library)
            yield from _memory(library)
            yield from _processor(library)


def _versions(library: Library, policy: Policy, platform: LinuxPlatform) -> Iterator[Finding]:
    """One finding for each kind of version (GLIBC, GLIBCXX, …) that goes beyond the policy."""
    beyond: dict[str, list[str]] = {}
    for required in library.elf.versions.values():
        for version in required:
            prefix, _, number = version.partition("_")
            if prefix in policy.symbol_versions and number not in policy.symbol_versions[prefix]:
                # PEP 600: the tag names the glibc, whether auditwheel has a policy for it or not.
                if prefix == "GLIBC" and (version_number(version, prefix) or (1 << 30,)) <= platform.version:
                    continue
                if prefix == "GLIBC" or not beyond_all(platform):
                    beyond.setdefault(prefix, []).append(version)
    for prefix, versions in sorted(beyond.items()):
        versions.sort(key=lambda v: version_number(v, prefix) or ())
        allowed = [f"{prefix}_{number}" for number in policy.symbol_versions[prefix]]
        newest = max(allowed, default="", key=lambda v: version_number(v, prefix) or ())
        required = f"at most {newest}, as {policy.name} has it"
        if not newest:
            required = f"no {prefix} version: {policy.name} has none"
        found = "required symbol versions " + ", ".join(versions[-6:])
        yield Finding(f"portability-{prefix.lower()}", library.path, found, required)


def _paths(library: Library) -> Iterator[Finding]:
    wrong = []
    for entry in library.elf.rpath + library.elf.runpath:
        inside = entry in ("$ORIGIN", "${ORIGIN}") or entry.startswith(("$ORIGIN/", "${ORIGIN}/"))
        if not inside or _BUILD_PATH.search(entry):
            wrong.append(entry)
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        required = "none, or one that begins with $ORIGIN and leads into the wheel: others exist where it was built"
        yield Finding("portability-rpath", library.path, f"the library search path {wrong[0]!r}{more}", required)


def _memory(library: Library) -> Iterator[Finding]:
    if library.elf.executable_stack:
        found = "an executable stack (PT_GNU_STACK)"
        if library.elf.stack_flags is None:
            found = "no PT_GNU_STACK, which asks for an executable stack"
        required = "a stack that is not executable: newer kernels and glibc refuse the file"
        yield Finding("portability-execstack", library.path, found, required)
    if library.elf.text_relocations:
        required = "position-independent code: hardened systems refuse to load it"
        yield Finding("portability-textrel", library.path, "text relocations (DT_TEXTREL)", required)


def _processor(library: Library) -> Iterator[Finding]:
    page = _PAGE_SIZES.get(library.elf.machine, 0)
    if library.elf.alignment < page:
        found = f"segments aligned to {library.elf.alignment} bytes"
        required = f"at least {page}: {library.elf.machine} has systems with pages of that size"
        yield Finding("portability-page-size", library.path, found, required)
    if library.elf.machine == "x86_64" and library.elf.isa_level > 1:
        found = f"GNU_PROPERTY_X86_ISA_1_NEEDED x86-64-v{library.elf.isa_level}"
        required = "x86-64: glibc refuses the file where the CPU ISA level is lower than required"
        yield Finding("portability-isa", library.path, found, required)
