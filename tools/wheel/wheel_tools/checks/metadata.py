"""The file name, WHEEL and METADATA: they agree, are normalized, and say what was built."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from wheel_tools.archive import WheelName
from wheel_tools.evidence import minor_ranges
from wheel_tools.examine import Wheel
from wheel_tools.findings import Finding
from wheel_tools.options import Options
from wheel_tools.served import admitted_minors

_REPACK = "build the wheel anew, or retag it (wheel tags)"


def check_metadata(wheel: Wheel, options: Options) -> Iterator[Finding]:
    name = wheel.ask("wheel-name", "name", None)
    described = wheel.ask("wheel-tags", "wheel", None)
    dist_info = wheel.ask("dist-info", "dist_info", None)
    metadata = wheel.ask("metadata", "metadata", None)
    if name is not None:
        yield from _normalized(name)
    if described is not None and dist_info is not None:
        yield from _wheel_file(wheel, name, described, f"{dist_info}/WHEEL")
    if metadata is not None and dist_info is not None:
        yield from _identity(name, metadata, dist_info)
        yield from _python(wheel, metadata, f"{dist_info}/METADATA", options)
        yield from _torch(wheel, f"{dist_info}/METADATA", options)


def _normalized(name: WheelName) -> Iterator[Finding]:
    wanted = canonicalize_name(name.raw_distribution).replace("-", "_")
    if name.raw_distribution != wanted:
        yield Finding(
            "wheel-name",
            name.file_name,
            f"the distribution {name.raw_distribution}",
            f"{wanted}, its normalized form",
            "rename the wheel, or build it anew",
        )
    if name.raw_version != str(name.version):
        yield Finding(
            "wheel-name",
            name.file_name,
            f"the version {name.raw_version}",
            f"{name.version}, its normalized form",
            "rename the wheel, or build it anew",
        )


def _wheel_file(wheel: Wheel, name: WheelName | None, described, path: str) -> Iterator[Finding]:
    versions = described.values("Wheel-Version")
    if len(versions) != 1 or not versions[0].startswith("1."):
        yield Finding(
            "wheel-version",
            path,
            f"Wheel-Version {', '.join(versions) or '(none)'}",
            "1.0, the only format that installers read",
            _REPACK,
        )
    purelib = [value.lower() for value in described.values("Root-Is-Purelib")]
    if wheel.libraries and purelib != ["false"]:
        yield Finding(
            "wheel-purelib",
            path,
            f"Root-Is-Purelib: {', '.join(purelib) or '(none)'} in a wheel with compiled files",
            "Root-Is-Purelib: false",
            _REPACK,
        )
    if name is None:
        return
    inside = sorted(map(str, described.tag_set))
    outside = sorted(map(str, name.tags))
    if inside != outside:
        yield Finding(
            "wheel-tags",
            path,
            "Tag: " + ", ".join(inside[:8] or ["(none)"]),
            ", ".join(outside[:8]) + ", as the file name says",
            _REPACK,
        )
    build = described.values("Build")
    if build != ([name.raw_build] if name.raw_build else []):
        yield Finding(
            "wheel-build",
            path,
            f"Build: {', '.join(build) or '(none)'}",
            f"{name.raw_build or 'none'}, as the file name says",
            _REPACK,
        )


def _identity(name: WheelName | None, metadata: dict, dist_info: str) -> Iterator[Finding]:
    path = f"{dist_info}/METADATA"
    for field in ("metadata_version", "name", "version"):
        if not metadata.get(field):
            yield Finding(
                "metadata", path, f"no {field.replace('_', '-').title()}", "one, as core metadata has it", _REPACK
            )
    if name is None or not metadata.get("name") or not metadata.get("version"):
        return
    if canonicalize_name(metadata["name"]) != name.distribution:
        yield Finding(
            "metadata", path, f"Name: {metadata['name']}", f"{name.distribution}, as the file name says", _REPACK
        )
    try:
        same = Version(metadata["version"]) == name.version
    except InvalidVersion:
        same = False
    if not same:
        yield Finding(
            "metadata", path, f"Version: {metadata['version']}", f"{name.version}, as the file name says", _REPACK
        )
    wanted = f"{name.raw_distribution}-{name.raw_version}.dist-info"
    if dist_info != wanted:
        yield Finding("dist-info", dist_info, "a directory of that name", f"{wanted}, as the file name says", _REPACK)


def _python(wheel: Wheel, metadata: dict, path: str, options: Options) -> Iterator[Finding]:
    text = metadata.get("requires_python")
    if text is None and wheel.modules:
        yield Finding(
            "requires-python",
            path,
            "no Requires-Python",
            "one, so that no other Python installs the wheel",
            "add Requires-Python to the metadata",
        )
    if not options.matrix:
        return
    try:
        matrix = SpecifierSet(options.matrix)
    except InvalidSpecifier:
        yield Finding(
            "requires-python",
            path,
            f"the matrix {options.matrix!r}",
            "a version specifier such as >=3.11,<3.15",
            "mend the option",
        )
        return
    # An end that is still open differs from one at the newest release.
    wanted, later = admitted_minors(matrix)
    found = set(wheel.admitted)
    extra = {m for m in found - set(wanted)}
    lacking = set(wanted) - found
    if extra or (wheel.open_from is not None and later is None):
        more = minor_ranges(extra) if extra else f"3.{wheel.open_from} and later"
        yield Finding(
            "requires-python",
            path,
            f"Requires-Python: {text or '(none)'}, which admits {more}",
            f"{options.matrix}, for which it was built",
            "build for those Pythons too, or narrow Requires-Python",
        )
    if lacking:
        yield Finding(
            "requires-python",
            path,
            f"Requires-Python: {text}, which excludes {minor_ranges(lacking)}",
            f"{options.matrix}, for which it was built",
            "widen Requires-Python, or narrow the matrix",
        )


def _torch(wheel: Wheel, path: str, options: Options) -> Iterator[Finding]:
    if not options.torch:
        return
    built = Version(options.torch)
    requirements = [r for r in wheel.ask("metadata", "requires_dist", []) if canonicalize_name(r.name) == "torch"]
    rejecting: dict[str, set[int]] = {}
    for minor in wheel.installable:
        active = [r for r in requirements if _active(r, minor)]
        if not active:
            rejecting.setdefault("no Requires-Dist for torch", set()).add(minor)
        for requirement in active:
            # A local version such as 2.14.0+cu130 satisfies ==2.14.0.
            if not requirement.specifier.contains(built, prereleases=True):
                rejecting.setdefault(f"Requires-Dist: {requirement}", set()).add(minor)
    for found, minors in rejecting.items():
        yield Finding(
            "requires-torch",
            path,
            f"{found}, on CPython {minor_ranges(minors)}",
            f"a requirement that admits torch {built}, against which it was compiled",
            f"require torch=={built.public}, or compile against the torch required",
        )


def _active(requirement: Requirement, minor: int) -> bool:
    if requirement.marker is None:
        return True
    environment = {
        "implementation_name": "cpython",
        "implementation_version": f"3.{minor}.0",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_system": "Linux",
        "platform_python_implementation": "CPython",
        "python_full_version": f"3.{minor}.0",
        "python_version": f"3.{minor}",
        "sys_platform": "linux",
        "extra": "",
    }
    try:
        return requirement.marker.evaluate(environment)
    except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion):
        return True
