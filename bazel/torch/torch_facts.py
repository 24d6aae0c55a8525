"""Reads facts of a torch from its files: version, CUDA release, C++ ABI, and the headers of its public interface.

torch ships about 9,500 headers, most of them for its own translation units. Every header of a target is an input of
each compile action, so the target has only the half that an extension can include.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bazel.fetch.command import CommandError
from bazel.fetch.reachable import reachable

# Headers that extensions include directly. The others are included by these, or are torch's own.
_ENTRIES = (
    "ATen/cuda/**/*",
    "c10/core/**/*",
    "c10/cuda/**/*",
    "c10/macros/*",
    "c10/util/**/*",
    "pybind11/**/*",
    "torch/*.h",
    "torch/csrc/api/include/torch/*.h",
    "torch/csrc/autograd/*.h",
    "torch/csrc/stable/**/*",
    "torch/headeronly/**/*",
)
# The same for CUDA, without Thrust and CUB: their algorithms run in device code.
_CUDA_ENTRIES = ("*.h", "cccl/cuda/std/*", "cuda/std/*")


class Facts(NamedTuple):
    """A torch and the toolkit beside it."""

    #: Without the local part, which only repeats the CUDA release and which requirements on torch leave out.
    torch_version: str
    #: `torch.version.cuda`, such as 13.0; empty for a torch that is to serve without CUDA.
    cuda_version: str
    #: Whether torch was built with libstdc++'s C++11 ABI.
    cxx11_abi: bool


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CommandError(f"there is no {path}: {what}") from None


def torch_build(torch: Path, cuda: bool = True) -> tuple[str, str]:
    """Returns torch's version, and the CUDA release that it was built with if `cuda`. Does not import torch."""
    version_py = _read(torch / "version.py", "name a directory that holds an installed torch")
    found = dict(re.findall(r"^(__version__|cuda)\b[^=\n]*= '?([^'\n]+)'?$", version_py, re.MULTILINE))
    version = found.get("__version__", "")
    if not re.match(r"\d+\.\d+", version):
        raise CommandError(f"{torch / 'version.py'} has no version: torch is not installed as its wheel lays it out")
    if not cuda:
        return version, ""
    if not re.match(r"\d+\.\d+$", found.get("cuda", "")):
        raise CommandError(
            f"torch {version} is built without CUDA (torch.version.cuda is {found.get('cuda', 'missing')}):"
            " use a CUDA build of it, or choose a torch without CUDA by cuda = False"
        )
    return version, found["cuda"]


def _check_toolkit(cuda: Path, version: str, release: str) -> None:
    header = _read(cuda / "include" / "cuda.h", f"expected a CUDA toolkit; name one of CUDA {release}")
    toolkit = re.search(r"^#define CUDA_VERSION (\d+)", header, re.MULTILINE)
    major = int(toolkit.group(1)) // 1000 if toolkit else 0
    if str(major) != release.partition(".")[0]:
        raise CommandError(
            f"torch {version} is built with CUDA {release}, but {cuda} has the headers of CUDA {major}:"
            " name a toolkit of the same major version"
        )


def facts(torch: Path, cuda: Path | None) -> Facts:
    """Returns the facts of a torch, or fails when the toolkit has another major version than torch was built with."""
    version, release = torch_build(torch, cuda is not None)
    if cuda:
        _check_toolkit(cuda, version, release)
    cmake = _read(
        torch / "share" / "cmake" / "Torch" / "TorchConfig.cmake",
        "torch is not installed as its wheel lays it out",
    )
    abi = re.search(r"-D_GLIBCXX_USE_CXX11_ABI=(\d)", cmake)
    return Facts(version.split("+")[0], release, not abi or abi.group(1) == "1")


def _entries(include: Path, patterns: Iterable[str]) -> list[Path]:
    return [path for pattern in patterns for path in include.glob(pattern) if path.is_file()]


def extension_headers(include: Path, patterns: Iterable[str] = _ENTRIES) -> list[str]:
    """Returns torch's headers that an extension can include, relative to `include`."""
    found = reachable(_entries(include, patterns), [include, include / "torch/csrc/api/include"])
    if not found:
        raise CommandError(f"{include} has no headers: torch is not installed as its wheel lays it out")
    return sorted(path.relative_to(include).as_posix() for path in found)


def host_headers(include: Path, patterns: Iterable[str] = _CUDA_ENTRIES) -> list[str]:
    """Returns the toolkit's headers that host code can include, relative to `include`."""
    found = reachable(_entries(include, patterns), [include, include / "cccl"])
    return sorted(path.relative_to(include).as_posix() for path in found)
