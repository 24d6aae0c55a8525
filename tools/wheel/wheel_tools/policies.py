"""auditwheel's policies: which libraries and symbol versions a platform tag promises."""

from __future__ import annotations

from functools import cache

from auditwheel.architecture import Architecture
from auditwheel.libc import Libc
from auditwheel.policy import Policy, WheelPolicies

from wheel_tools.tags import LinuxPlatform, parse_platform


@cache
def _glibc_policies(machine: str) -> tuple[Policy, ...]:
    """Oldest glibc first, without the policy of plain `linux_…` tags; empty for a machine without any."""
    try:
        found = WheelPolicies(libc=Libc.GLIBC, arch=Architecture(machine))
    except (ValueError, KeyError):
        return ()
    return tuple(sorted((policy for policy in found if policy != found.linux), key=_version))


@cache
def _musl_policy(machine: str, version: tuple[int, ...]) -> Policy | None:
    """The newest policy up to the version; auditwheel makes one at a time and asserts that it knows it."""
    for minor in range(version[1], -1, -1):
        try:
            policy_name = f"musllinux_{version[0]}_{minor}"
            return WheelPolicies(libc=Libc.MUSL, arch=Architecture(machine), musl_policy=policy_name).lowest
        except (ValueError, KeyError, AssertionError, IndexError):
            continue
    return None


def _version(policy: Policy) -> tuple[int, ...]:
    return parse_platform(policy.name).version


def without_alias(text: str, machine: str) -> str:
    """ "manylinux_2_17_x86_64" for "manylinux2014_x86_64"; "" for an alias that the machine does not have."""
    return next((policy.name for policy in _glibc_policies(machine) if text in policy.aliases), "")


def policy_for(platform: LinuxPlatform) -> Policy | None:
    """The newest policy that the platform tag's libc satisfies; None for `linux_…` and where none is known."""
    if platform.libc == "musl":
        return _musl_policy(platform.machine, platform.version)
    older = [policy for policy in _glibc_policies(platform.machine) if _version(policy) <= platform.version]
    return older[-1] if platform.libc and older else None


def beyond_all(platform: LinuxPlatform) -> bool:
    """Whether the tag's glibc is newer than every policy: what else its systems have is then unknown."""
    known = _glibc_policies(platform.machine)
    return platform.libc == "glibc" and bool(known) and platform.version > _version(known[-1])
