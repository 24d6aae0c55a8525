"""The file name, WHEEL and METADATA: they agree, are normalized, and say what was built."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName, default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from wheel_tools.archive import WheelFile, WheelName
from wheel_tools.examine import Wheel, valid_tags
from wheel_tools.findings import Finding
from wheel_tools.options import Options
from wheel_tools.pythons import admitted, minor, open_from, ranges
from wheel_tools.requirements import REFUSED_FIELDS


def check_metadata(wheel: Wheel, options: Options) -> Iterator[Finding]:
    name = wheel.ask("wheel-name", "name", None)
    described = wheel.ask("wheel-tags", "wheel", None)
    dist_info = wheel.ask("dist-info", "dist_info", None)
    if name is not None:
        yield from _normalized(name)
    if dist_info is None:
        return
    if described is not None:
        yield from _wheel_file(wheel, name, described, f"{dist_info}/WHEEL")
    if wheel.ask("metadata", "metadata_bytes", None) is not None:
        path = f"{dist_info}/METADATA"
        yield from _fields(wheel, path)
        yield from _identity(wheel, name, dist_info)
        yield from _python(wheel, path, options)
        yield from _torch(wheel, path, options)


def _normalized(name: WheelName) -> Iterator[Finding]:
    distribution = canonicalize_name(name.raw_distribution).replace("-", "_")
    for what, raw, wanted in (
        ("distribution", name.raw_distribution, distribution),
        ("version", name.raw_version, str(name.version)),
    ):
        if raw != wanted:
            yield Finding("wheel-name", name.file_name, f"the {what} {raw}", f"{wanted}, its normalized form")


def _wheel_file(wheel: Wheel, name: WheelName | None, described: WheelFile, path: str) -> Iterator[Finding]:
    versions = described.values("Wheel-Version")
    if len(versions) != 1 or not versions[0].startswith("1."):
        found = f"Wheel-Version {', '.join(versions) or '(none)'}"
        yield Finding("wheel-version", path, found, "1.0, the only format that installers read")
    purelib = [value.lower() for value in described.values("Root-Is-Purelib")]
    if purelib != ["false"] and any(library.path == library.location for library in wheel.libraries):
        found = f"Root-Is-Purelib: {', '.join(purelib) or '(none)'} in a wheel with compiled files"
        yield Finding("wheel-purelib", path, found, "Root-Is-Purelib: false")
    if name is None:
        return
    inside, odd = valid_tags(described.tags)
    for text in odd:
        yield Finding("wheel-tags", path, f"Tag: {text}", "PYTHON-ABI-PLATFORM, as the file name says")
    if not odd and inside != name.tags:
        found = "Tag: " + ", ".join(sorted(map(str, inside))[:8] or ["(none)"])
        outside = ", ".join(sorted(map(str, name.tags))[:8])
        yield Finding("wheel-tags", path, found, f"{outside}, as the file name says")
    build = described.values("Build")
    if build != ([name.raw_build] if name.raw_build else []):
        found = f"Build: {', '.join(build) or '(none)'}"
        yield Finding("wheel-build", path, found, f"{name.raw_build or 'none'}, as the file name says")


def _fields(wheel: Wheel, path: str) -> Iterator[Finding]:
    for problem in wheel.metadata.problems:
        if problem.field == "requires-python":
            yield Finding("requires-python", path, problem.text, "one line, such as Requires-Python: >=3.11,<3.15")
        else:
            rule = "metadata" if problem.field in REFUSED_FIELDS else "metadata-field"
            yield Finding(rule, path, problem.text, f"a {problem.field.title()} as core metadata has it")


def _identity(wheel: Wheel, name: WheelName | None, dist_info: str) -> Iterator[Finding]:
    raw, path = wheel.metadata.raw, f"{dist_info}/METADATA"
    if name is None or not raw.get("name") or not raw.get("version"):
        return
    if canonicalize_name(raw["name"]) != name.distribution:
        found = f"Name: {raw['name']}"
        yield Finding("metadata", path, found, f"{name.distribution}, as the file name says")
    try:
        same = Version(raw["version"]) == name.version
    except InvalidVersion:
        same = False
    if not same:
        found = f"Version: {raw['version']}"
        yield Finding("metadata", path, found, f"{name.version}, as the file name says")
    wanted = f"{name.raw_distribution}-{name.raw_version}.dist-info"
    if dist_info != wanted:
        yield Finding("dist-info", dist_info, "a directory of that name", f"{wanted}, as the file name says")


def _python(wheel: Wheel, path: str, options: Options) -> Iterator[Finding]:
    metadata = wheel.metadata
    text = metadata.raw.get("requires_python")
    refused = any(problem.field == "requires-python" for problem in metadata.problems)
    # Without a bound, tags of one CPython still keep every other one away.
    bound = any(tag.abi in ("abi3", "abi3t") or tag.interpreter.startswith("py") for tag in wheel.tags)
    if text is None and not refused and wheel.modules and bound:
        required = "one: the tags admit CPythons that the modules are not for"
        yield Finding("requires-python", path, "no Requires-Python", required)
    if not options.matrix:
        return
    # An end that is still open differs from one at the newest release.
    matrix = SpecifierSet(options.matrix)
    wanted, found = set(map(minor, admitted(matrix))), set(map(minor, admitted(metadata.requires_python)))
    required = f"{options.matrix}, for which it was built"
    if found - wanted or (wheel.open_from is not None and open_from(matrix) is None):
        more = ranges(found - wanted) if found - wanted else f"3.{wheel.open_from} and later"
        shown = f"Requires-Python: {text or '(none)'}, which admits {more}"
        yield Finding("requires-python", path, shown, required)
    if wanted - found:
        shown = f"Requires-Python: {text}, which excludes {ranges(wanted - found)}"
        yield Finding("requires-python", path, shown, required)


def _torch(wheel: Wheel, path: str, options: Options) -> Iterator[Finding]:
    if not options.torch:
        return
    built = Version(options.torch)
    requirements = [r for r in wheel.metadata.requirements if canonicalize_name(r.name) == "torch"]
    rejecting: dict[str, set[int]] = {}
    for python in wheel.interpreters:
        active = [r for r in requirements if _active(wheel, r, python.minor)]
        if not active:
            rejecting.setdefault("no Requires-Dist for torch", set()).add(python.minor)
        for requirement in active:
            # A local version such as 2.14.0+cu130 satisfies ==2.14.0.
            if not requirement.specifier.contains(built, prereleases=True):
                rejecting.setdefault(f"Requires-Dist: {requirement}", set()).add(python.minor)
    for found, minors in rejecting.items():
        required = f"a requirement that admits torch {built}, against which it was compiled"
        yield Finding("requires-torch", path, f"{found}, on CPython {ranges(minors)}", required)


def _active(wheel: Wheel, requirement: Requirement, python: int) -> bool:
    environment = {
        **default_environment(),
        "platform_machine": wheel.platforms[0].machine if wheel.platforms else "x86_64",
        "python_full_version": f"3.{python}.0",
        "python_version": f"3.{python}",
        "extra": "",
    }
    try:
        return requirement.marker is None or requirement.marker.evaluate(environment)
    except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion):
        return True
