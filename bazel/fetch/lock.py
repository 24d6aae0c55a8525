"""Reads the packages of a project's lock: uv.lock, and pylock.toml or pylock.NAME.toml (PEP 751).

It imports tomli and packaging, which the repository @deepgemm_pip has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import tomli
from packaging.markers import Marker
from packaging.pylock import Pylock, PylockValidationError
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

from bazel.fetch.command import CommandError
from bazel.fetch.pins import Pin

_UV_VERSION = 1
_EXTRA = re.compile(r"\bextra\s*[!=]=\s*'([^']+)'")


class Locked(NamedTuple):
    """One package of a lock, for one Python on Linux."""

    pin: Pin
    #: The URL of the package index that the lock names. None for a directory, for none, and where the path is
    #: `/simple`: that is PyPI or a mirror of it, and pip asks the machine's own index.
    index: str | None
    #: Whether one wheel serves every CPython, and the lock has no other release for some.
    shared: bool
    #: What the wheels are for, such as "cp311 on manylinux_2_28_x86_64", if none is for the CPython and CPU asked for.
    elsewhere: str = ""


def _environment(python: str, machine: str) -> dict[str, str]:
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.99",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        # The newest patch release that a condition may name.
        "python_full_version": f"{python}.99",
        "python_version": python,
        "sys_platform": "linux",
    }


def _serves(tag: Tag, environment: dict[str, str]) -> bool:
    """Whether a wheel with this tag is for the environment. Of which glibc it is, pip knows."""
    major, minor = map(int, environment["python_version"].split("."))
    own = f"cp{major}{minor}"
    if tag.platform != "any" and not re.fullmatch(f"(many)?linux.*_{environment['platform_machine']}", tag.platform):
        return False
    serving = [
        cpython_tags((major, minor), [own], [tag.platform]),
        compatible_tags((major, minor), own, [tag.platform]),
    ]
    return any(tag in tags for tags in serving)


def _locked(
    name: str,
    version: str,
    wheels: list[tuple[str, str]],
    index: str | None,
    *,
    releases: list[str],
    environment: dict[str, str],
) -> Locked:
    """`wheels` are file names or URLs, with SHA-256; `releases` has `name` once for each release in the lock."""
    pure = any(re.search(r"-py[^-]*-none-[^-]*$", wheel) for wheel, _ in wheels)
    tags = {tag for wheel, _ in wheels for tag in parse_wheel_filename(unquote(wheel.rpartition("/")[2]))[3]}
    served = any(_serves(tag, environment) for tag in tags)
    return Locked(
        Pin(canonicalize_name(name), version, frozenset(digest for _, digest in wheels if digest)),
        index if index and "://" in index and urlsplit(index).path.rstrip("/") != "/simple" else None,
        pure and releases.count(name) == 1,
        "" if served else ", ".join(sorted(f"{tag.interpreter} on {tag.platform}" for tag in tags)),
    )


def _only(found: list[Locked], name: str, lock: str, cuda: bool) -> Locked:
    """Returns the package that is left of several with one name, which a lock has for different extras."""
    if len(found) > 1:
        found = [one for one in found if one.pin.version.partition("+")[2].startswith("cpu") != cuda] or found
    if len(found) != 1:
        versions = ", ".join(one.pin.version for one in found) or "none"
        raise CommandError(
            f"{lock} has {versions} of {name} for CPython on Linux; expected one: lock one version of it there"
        )
    return found[0]


def _of_uv(lock: dict[str, Any], name: str, environment: dict[str, str], roots: list[str], cuda: bool) -> list[Locked]:
    """The roots, and what they depend on."""
    if lock.get("version") != _UV_VERSION:
        raise CommandError(f"{name} has the format {lock.get('version')}; expected {_UV_VERSION}: export a pylock.toml")

    def holds(marker: str) -> bool:
        extras = ["", *_EXTRA.findall(marker)]
        return any(Marker(marker).evaluate({**environment, "extra": extra}) for extra in extras)

    releases = [package["name"] for package in lock.get("package", [])]
    packages: dict[str, list[dict[str, Any]]] = {}
    for package in lock.get("package", []):
        markers = package.get("resolution-markers", [])
        if not markers or any(map(holds, markers)):
            packages.setdefault(package["name"], []).append(package)
    chosen: dict[str, Locked] = {}
    seen = set()
    waiting: list[dict[str, Any]] = [{"name": root} for root in roots if root in packages]
    while waiting:
        wanted = waiting.pop()
        key = (wanted["name"], *wanted.get("extra", []))
        if key in seen or not holds(wanted.get("marker", "python_version > '0'")):
            continue
        seen.add(key)
        found = {}
        for package in packages.get(wanted["name"], []):
            if wanted.get("version", package["version"]) == package["version"]:
                wheels = [
                    (wheel.get("url") or wheel.get("path") or wheel.get("filename", ""), wheel.get("hash", "")[7:])
                    for wheel in package.get("wheels", [])
                ]
                registry = package["source"].get("registry")
                one = _locked(
                    package["name"], package["version"], wheels, registry, releases=releases, environment=environment
                )
                found[one] = package
        one = _only(list(found), wanted["name"], name, cuda)
        chosen[wanted["name"]] = one
        waiting += found[one].get("dependencies", [])
        for extra in wanted.get("extra", []):
            waiting += found[one].get("optional-dependencies", {}).get(extra, [])
    return list(chosen.values())


def _of_pylock(lock: dict[str, Any], name: str, environment: dict[str, str], cuda: bool) -> list[Locked]:
    """All packages that have wheels."""
    try:
        valid = Pylock.from_dict(lock)
    except PylockValidationError as error:
        raise CommandError(f"{name} is not a lock as PEP 751 says ({error}): write it again") from None
    extras = frozenset(valid.extras or ())
    groups = frozenset([*(valid.dependency_groups or ()), *(valid.default_groups or ())])

    def choices(names: frozenset[str]) -> Iterator[frozenset[str]]:
        yield from (frozenset(), names, *(frozenset([one]) for one in sorted(names)))

    def holds(marker: Marker) -> bool:
        return any(
            marker.evaluate({**environment, "extras": extra, "dependency_groups": group}, context="lock_file")
            for extra in choices(extras)
            for group in choices(groups)
        )

    releases = [package.name for package in valid.packages]
    packages: dict[str, list[Locked]] = {}
    for package in valid.packages:
        if package.wheels and package.version and (package.marker is None or holds(package.marker)):
            wheels = [(wheel.filename, wheel.hashes.get("sha256", "")) for wheel in package.wheels]
            one = _locked(
                package.name, str(package.version), wheels, package.index, releases=releases, environment=environment
            )
            packages.setdefault(package.name, []).append(one)
    return [_only(found, package, name, cuda) for package, found in packages.items()]


def read_lock(path: Path, roots: list[str], python: str, cuda: bool = True, machine: str = "x86_64") -> list[Locked]:
    """Returns the packages that a lock has for one CPython on Linux.

    Args:
        path: the lock.
        roots: of a uv.lock, these packages and what they depend on are returned; of a pylock.toml, which need not say
            what depends on what, all packages.
        python: the CPython, such as 3.12.
        cuda: of several releases of one package, which a lock has for different extras, take one that is not "+cpu".
        machine: the processor, as `platform.machine()` says it.
    """
    try:
        lock = tomli.loads(path.read_text(encoding="utf-8"))
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"{path.name} is not TOML ({error}): write it again") from None
    environment = _environment(python, machine)
    if path.name != "uv.lock":
        return _of_pylock(lock, path.name, environment, cuda)
    try:
        return _of_uv(lock, path.name, environment, roots, cuda)
    except KeyError as error:
        raise CommandError(f"{path.name} is not as uv writes it ({error} is missing): write it again") from None
    except (AttributeError, TypeError, ValueError) as error:
        raise CommandError(f"{path.name} is not as uv writes it ({error}): write it again") from None
