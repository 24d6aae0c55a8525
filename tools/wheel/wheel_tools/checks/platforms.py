"""Platform tags, and auditwheel's policy of what each of them promises."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from packaging.tags import Tag

from wheel_tools.elf import SharedObject

_PLATFORM = re.compile(r"(?:(many|musl)linux_(\d+)_(\d+)|manylinux(1|2010|2014)|linux)_(\w+)", re.ASCII)
_ALIASES = {"1": (2, 5), "2010": (2, 12), "2014": (2, 17)}

# What a wheel that requires torch finds already loaded: torch's own libraries, and those of the
# NVIDIA wheels that torch requires. libcuda is not among them: it comes with the driver.
_TORCH_AND_CUDA = re.compile(
    r"lib(?:torch(?:_(?:cpu|cuda|cuda_linalg|python|global_deps))?|c10(?:_cuda)?|shm)\.so|"
    r"lib(?:cudart|nvrtc|nvrtc-builtins|cublas|cublasLt|cusparse|cusparseLt|cusolver|cusolverMg|"
    r"cufft|cufftw|curand|cudnn|nccl|nvJitLink|nvToolsExt|nvtx3interop|cupti|cufile|"
    r"nvshmem_host)\.so(?:\.\d+)*",
    re.ASCII,
)


@dataclass(frozen=True)
class Platform:
    """A Linux platform tag, taken apart; glibc is None for `linux_…`, musl is set for musllinux."""

    text: str
    machine: str
    glibc: tuple[int, int] | None = None
    musl: tuple[int, int] | None = None


def parse_platform(text: str) -> Platform | None:
    match = _PLATFORM.fullmatch(text)
    if not match:
        return None
    kind, major, minor, legacy, machine = match.groups()
    if legacy:
        return Platform(text, machine, glibc=_ALIASES[legacy])
    if not kind:
        return Platform(text, machine)
    version = (int(major), int(minor))
    return Platform(text, machine, glibc=version) if kind == "many" else Platform(text, machine, musl=version)


def platforms(tags: frozenset[Tag]) -> list[Platform]:
    """The Linux platforms among the tags, sorted by their text."""
    found = (parse_platform(text) for text in sorted({tag.platform for tag in tags}))
    return [platform for platform in found if platform]


def machines(tags: frozenset[Tag]) -> set[str]:
    return {platform.machine for platform in platforms(tags)}


def machine_of(elf: SharedObject) -> str:
    """The machine as platform tags spell it; an x32 object is told apart by its class."""
    expected = 32 if elf.machine in ("i686", "armv7l") else 64
    suffix = "" if elf.bits == expected else f" ({elf.bits}-bit)"
    return elf.machine + suffix


def torch_and_cuda(library: str) -> bool:
    return bool(_TORCH_AND_CUDA.fullmatch(library))


@dataclass(frozen=True)
class Policy:
    name: str
    # "GLIBC" → the versions that may be required.
    versions: dict[str, frozenset[str]]
    libraries: frozenset[str]


@cache
def _policies(kind: str) -> list[dict]:
    # Only the data is wanted: importing auditwheel would look at the machine it runs on.
    folder = Path(find_spec("auditwheel").origin).parent / "policy"
    return json.loads((folder / f"{kind}linux-policy.json").read_text("utf-8"))


def policy_for(platform: Platform) -> Policy | None:
    """The newest policy that the platform tag's libc satisfies; None for a `linux_…` tag."""
    kind, version = ("many", platform.glibc) if platform.glibc else ("musl", platform.musl)
    if version is None:
        return None
    best = None
    for entry in _policies(kind):
        match = re.fullmatch(r"(?:many|musl)linux_(\d+)_(\d+)", entry["name"])
        if not match:
            continue
        number = (int(match[1]), int(match[2]))
        if number <= version and (best is None or number > best[0]):
            best = (number, entry)
    if best is None:
        return None
    entry = best[1]
    versions = entry["symbol_versions"].get(platform.machine, {})
    return Policy(
        entry["name"], {key: frozenset(values) for key, values in versions.items()}, frozenset(entry["lib_whitelist"])
    )
