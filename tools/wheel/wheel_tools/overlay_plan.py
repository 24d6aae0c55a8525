"""What an overlay's result is called, and which members it has from which wheel."""

from __future__ import annotations

from dataclasses import dataclass, field

from packaging.version import InvalidVersion, Version

from wheel_tools.archive import Member, WheelArchive
from wheel_tools.errors import WheelError
from wheel_tools.import_aliases import CompiledNames, module_names
from wheel_tools.overlay_inputs import Settings
from wheel_tools.record import UNHASHED_NAMES
from wheel_tools.soabi import parse_extension_name
from wheel_tools.tags import linux_platforms


@dataclass(frozen=True)
class Copy:
    """A member that the result takes over, and its name there."""

    archive: WheelArchive
    member: Member
    name: str


@dataclass
class Plan:
    """The result.

    Attributes:
        file_name: The wheel's file name.
        version: The version, with the local version.
        tag: The compressed tag, PYTHON-ABI-PLATFORM.
        dist_info: The name of the .dist-info directory.
        copies: The members that are taken over, in the result's order; METADATA, WHEEL and RECORD follow them.
        aliases: The package's modules that its compiled code imports by absolute name.
    """

    file_name: str
    version: Version
    tag: str
    dist_info: str
    copies: list[Copy] = field(default_factory=list)
    aliases: tuple[str, ...] = ()


def joined_version(base: Version, label: str) -> Version:
    """The base's version with `label` as its local version, after one that it may have; unchanged if it ends so."""
    local = base.local or ""
    try:
        wanted = Version(f"0+{label}").local
        if local == wanted or local.endswith(f".{wanted}"):
            return base
        return Version(f"{base.public}+{local + '.' if local else ''}{label}")
    except InvalidVersion:
        raise WheelError(
            "--local-version",
            found=repr(label),
            expected="letters and digits, in parts with dots between them (PEP 440)",
            fix="write one such as deepgemm.2.8.2",
        ) from None


def joined_platform(base: str, overlay: str) -> str:
    """Whichever of two compressed platform tags needs the newer glibc, since the result needs both."""
    needs_base, needs_overlay = linux_platforms(base), linux_platforms(overlay)
    return overlay if needs_base and needs_overlay and needs_overlay[0] > needs_base[0] else base


def make_plan(base: WheelArchive, overlay: WheelArchive, settings: Settings) -> Plan:
    """Plans the result of two wheels that overlay_inputs.check_inputs has accepted."""
    version = joined_version(base.name.version, settings.local_version)
    python, abi, platform = base.name.raw_tag.split("-")
    tag = f"{python}-{abi}-{joined_platform(platform, overlay.name.raw_tag.split('-')[2])}"
    stem = f"{base.name.distribution.replace('-', '_')}-{version}"
    build = f"-{base.name.raw_build}" if base.name.raw_build else ""
    plan = Plan(f"{stem}{build}-{tag}.whl", version, tag, f"{stem}.dist-info")

    old_data = base.dist_info[: -len(".dist-info")] + ".data/"
    licenses = f"{base.dist_info}/licenses/{settings.place}"
    rewritten = {f"{base.dist_info}/{name}" for name in ("METADATA", "WHEEL", *UNHASHED_NAMES)}
    in_dist_info: list[Copy] = []
    for member in base.members:
        name = member.name
        if name.startswith((settings.place, licenses)) or name in rewritten:
            continue
        if name.startswith(f"{base.dist_info}/"):
            in_dist_info.append(Copy(base, member, f"{plan.dist_info}/{name[len(base.dist_info) + 1 :]}"))
        elif name.startswith(old_data):
            plan.copies.append(Copy(base, member, f"{stem}.data/{name[len(old_data) :]}"))
        else:
            plan.copies.append(Copy(base, member, name))
    package, licenses = f"{settings.package}/", f"{overlay.dist_info}/licenses/"
    for name, member in sorted(overlay.by_name.items()):
        if name.startswith(package):
            plan.copies.append(Copy(overlay, member, settings.place + name[len(package) :]))
        elif name.startswith(licenses):
            path = f"{plan.dist_info}/licenses/{settings.place}{name[len(licenses) :]}"
            in_dist_info.append(Copy(overlay, member, path))
    plan.copies += in_dist_info
    plan.aliases = _absolute_names(overlay, settings)
    return plan


def _absolute_names(overlay: WheelArchive, settings: Settings) -> tuple[str, ...]:
    """The package's modules whose absolute names occur in its compiled code; none if the package does not move."""
    if not settings.under:
        return ()
    prefix = f"{settings.package}/"
    modules = module_names(name[len(prefix) :] for name in overlay.by_name if name.startswith(prefix))
    found: set[str] = set()
    for name, member in overlay.by_name.items():
        if name.startswith(prefix) and parse_extension_name(name):
            names = CompiledNames(settings.package, modules)
            for chunk in overlay.chunks(member):
                names.feed(chunk)
            found |= names.found
    return tuple(sorted(found))
