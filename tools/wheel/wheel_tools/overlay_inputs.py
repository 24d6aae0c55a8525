"""Checks the two wheels of an overlay. Whatever does not fit is an error before a byte is written."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from wheel_tools.archive import WheelArchive
from wheel_tools.errors import WheelError
from wheel_tools.import_aliases import absolute_imports
from wheel_tools.module_files import read_elf, served_pythons
from wheel_tools.pythons import admitted
from wheel_tools.tags import linux_platforms


@dataclass(frozen=True)
class Settings:
    """What goes where.

    Attributes:
        package: The package's name.
        under: The directory of the base wheel that contains its copy of the package; "" for the root.
        local_version: Appended to the base's version as its local part (PEP 440).
        torch_version: The torch that the extension was compiled against. Default: the one that the overlay wheel pins.
        requires_python: Narrows the base's Requires-Python (PEP 440). Default: it stays.
    """

    package: str
    under: str
    local_version: str
    torch_version: str = ""
    requires_python: str = ""

    @property
    def place(self) -> str:
        """The package's directory in the base wheel, with a slash at the end."""
        return f"{self.under}/{self.package}/".lstrip("/")


def check_inputs(base: WheelArchive, overlay: WheelArchive, settings: Settings) -> None:
    """Raises a WheelError unless the overlay wheel's package can take the place of the base's copy."""
    _check_settings(settings)
    for wheel in (base, overlay):
        _check_wheel(wheel)
    _check_base(base, settings)
    _check_overlay(overlay, settings)
    _check_platforms(base, overlay)
    _check_coverage(base, overlay, settings)
    _check_torch(base, overlay, settings)


def _check_settings(settings: Settings) -> None:
    if not settings.package.isidentifier():
        raise WheelError(
            "--package",
            found=repr(settings.package),
            expected="one package's name, such as deep_gemm",
            fix="name the package of the overlay wheel",
        )
    parts = settings.under.split("/") if settings.under else []
    if not all(part.isidentifier() for part in parts):
        raise WheelError(
            "--under",
            found=repr(settings.under),
            expected="a package directory such as vllm/third_party",
            fix="write it relative to the wheel's root, without . or ..",
        )


def _check_wheel(wheel: WheelArchive) -> None:
    """Each member's name must mean one file, and METADATA must agree with the file name."""
    if wheel.duplicate_names or wheel.unsafe_names:
        kind, names = (
            ("twice", wheel.duplicate_names) if wheel.duplicate_names else ("with an unsafe name", wheel.unsafe_names)
        )
        raise wheel.error(
            found=f"a member {kind}: {names[0]}",
            expected="every member once, at a relative path",
            fix="download the wheel again, or build it again",
        )
    text = wheel.metadata.get("version", "")
    try:
        version = Version(text)
    except InvalidVersion:
        version = None
    name = wheel.metadata.get("name", "")
    if canonicalize_name(name) != wheel.name.distribution or version != wheel.name.version:
        raise wheel.error(
            found=f"METADATA of {name or 'no name'} {text or 'without a version'}",
            expected=f"{wheel.name.distribution} {wheel.name.version}, as the file is named",
            fix="use the name that the wheel was published under",
        )


def _check_base(base: WheelArchive, settings: Settings) -> None:
    if not any(name.startswith(settings.place) for name in base.by_name):
        raise base.error(
            found=f"nothing below {settings.place}",
            expected=f"a wheel that bundles {settings.package} there",
            fix="check base, package and under: an overlay replaces a copy, it does not add one",
        )


def _check_overlay(overlay: WheelArchive, settings: Settings) -> None:
    inside = (f"{settings.package}/", f"{overlay.dist_info}/")
    outside = [name for name in overlay.by_name if not name.startswith(inside)]
    if outside:
        raise overlay.error(
            found=f"{outside[0]}, outside {settings.package}/",
            expected=f"a wheel that has only {settings.package}",
            fix="leave the file out of the overlay wheel",
        )
    if f"{settings.package}/__init__.py" not in overlay.by_name:
        raise overlay.error(
            found=f"no {settings.package}/__init__.py",
            expected=f"a wheel of the package {settings.package}",
            fix="check the overlay wheel and the package's name",
        )
    imports: list[str] = []
    for name, member in overlay.by_name.items():
        if name.endswith(".py"):
            imports += absolute_imports(overlay.read(member), settings.package, name)
    if imports:
        raise overlay.error(
            found="; ".join(imports[:5]),
            expected=f"relative imports only, since the package moves to {settings.place}",
            fix="write `from . import …` there",
        )


def _check_platforms(base: WheelArchive, overlay: WheelArchive) -> None:
    for wheel in (base, overlay):
        platform = wheel.name.raw_tag.split("-")[2]
        if linux_platforms(platform) is None:
            raise wheel.error(
                found=f"the platform tag {platform}",
                expected="manylinux_…, manylinux20… or linux_…",
                fix="use the wheel for glibc Linux",
            )
    architectures = [linux_platforms(wheel.name.raw_tag.split("-")[2])[1] for wheel in (base, overlay)]
    if architectures[0] != architectures[1]:
        raise base.error(
            found=f"a wheel for {', '.join(sorted(architectures[0]))}",
            expected=f"one for {', '.join(sorted(architectures[1]))}, as {overlay.path.name} is",
            fix="use the base wheel for the platform that the extension was built for",
        )


def _pythons(base: WheelArchive, settings: Settings) -> list[str]:
    """The CPythons that the result admits, such as "3.12", oldest first."""
    pythons = admitted(base.requires_python)
    if not pythons:
        raise base.error(
            found=f"Requires-Python: {base.requires_python}",
            expected="one that admits some CPython",
            fix="use another base wheel",
        )
    if not settings.requires_python:
        return pythons
    try:
        narrowed = admitted(SpecifierSet(settings.requires_python))
    except InvalidSpecifier:
        narrowed = []
    if not narrowed or not set(narrowed) <= set(pythons):
        raise WheelError(
            "--requires-python",
            found=repr(settings.requires_python),
            expected=f"a version specifier that admits some of the CPythons of {base.path.name}: {', '.join(pythons)}",
            fix="narrow it, or use another base wheel",
        )
    return narrowed


def _check_coverage(base: WheelArchive, overlay: WheelArchive, settings: Settings) -> None:
    """Every extension module of the package must have a file for every CPython that the result admits."""
    pythons = _pythons(base, settings)
    libraries = {
        path: read_elf(overlay.read(member))
        for path, member in overlay.by_name.items()
        if path.startswith(f"{settings.package}/") and path.endswith(".so")
    }
    modules = served_pythons(libraries, overlay.name.tags, pythons)
    if not libraries:
        raise overlay.error(
            found="no extension module",
            expected=f"a compiled one in {settings.package}/",
            fix="build the overlay wheel with its extension",
        )
    for module, served in modules.items():
        missing = [python for python in pythons if python not in served]
        if missing:
            raise overlay.error(
                found=f"{module} for {'CPython ' + ', '.join(served) if served else 'no CPython'}",
                expected=f"{', '.join(missing)} too, since Requires-Python of {base.path.name} is "
                f"{settings.requires_python or base.requires_python or 'not set'}",
                fix="build the extension for these Pythons, or use a base wheel that does not admit them",
            )


def _check_torch(base: WheelArchive, overlay: WheelArchive, settings: Settings) -> None:
    """The base must admit the torch of the extension: torch's C++ ABI changes with every release."""
    compiled_against = settings.torch_version or _pinned_torch(overlay)
    if not compiled_against:
        return
    try:
        Version(compiled_against)
    except InvalidVersion:
        raise WheelError(
            "--torch-version",
            found=repr(compiled_against),
            expected="a version such as 2.14.0",
            fix="pass the version of the torch that the extension was compiled against",
        ) from None
    linux = {
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "extra": "",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    for python in _pythons(base, settings):
        environment = {**linux, "python_version": python, "python_full_version": f"{python}.0"}
        pins = [
            requirement
            for requirement in base.requires_dist
            if canonicalize_name(requirement.name) == "torch"
            and (requirement.marker is None or requirement.marker.evaluate(environment))
        ]
        refusing = [pin for pin in pins if not pin.specifier.contains(compiled_against, prereleases=True)]
        if refusing or not pins:
            raise base.error(
                found=f"Requires-Dist: {refusing[0]}" if refusing else "no Requires-Dist: torch",
                expected=f"one that admits torch {compiled_against}, which the extension was compiled against",
                fix="build the extension against the torch that the base requires",
            )


def _pinned_torch(overlay: WheelArchive) -> str:
    """The version of torch that the overlay wheel pins with `==`; "" if it pins none."""
    for requirement in overlay.requires_dist:
        specifiers = list(requirement.specifier)
        if canonicalize_name(requirement.name) == "torch" and len(specifiers) == 1 and specifiers[0].operator == "==":
            return "" if specifiers[0].version.endswith(".*") else specifiers[0].version
    return ""
