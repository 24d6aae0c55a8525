"""What a torch is, read off its files: version, CUDA release, C++ ABI, and the headers of its public interface.

torch ships about 9,500 headers, most of them for its own translation units. Each would be an input of every compile
action; the half that an extension can reach is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from bazel.fetch.command import CommandError
from bazel.fetch.reachable import reachable

# What extensions include directly. Everything else is reached from here or is torch's own.
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
# The same for CUDA: not Thrust and CUB, whose algorithms run in device code.
_CUDA_ENTRIES = ("*.h", "cccl/cuda/std/*", "cuda/std/*")


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CommandError(f"there is no {path}: {what}") from None


def torch_build(torch: Path) -> tuple[str, str]:
    """Version of torch and the CUDA release that it was built with; nothing is imported."""
    version_py = _read(torch / "version.py", "name a directory that holds an installed torch")
    found = dict(re.findall(r"^(__version__|cuda)\b[^=\n]*= '?([^'\n]+)'?$", version_py, re.MULTILINE))
    version = found.get("__version__", "")
    if not re.match(r"\d+\.\d+", version):
        raise CommandError(f"{torch / 'version.py'} has no version: torch is not installed as its wheel lays it out")
    if not re.match(r"\d+\.\d+$", found.get("cuda", "")):
        raise CommandError(
            f"torch {version} is built without CUDA (torch.version.cuda is {found.get('cuda', 'missing')}):"
            " use a CUDA build of it"
        )
    return version, found["cuda"]


def facts(torch: Path, cuda: Path) -> dict[str, object]:
    """Version of torch, CUDA release and C++ ABI, checked against the toolkit."""
    version, release = torch_build(torch)
    header = _read(cuda / "include" / "cuda.h", f"it is no CUDA toolkit; name one of CUDA {release}")
    toolkit = re.search(r"^#define CUDA_VERSION (\d+)", header, re.MULTILINE)
    major = int(toolkit.group(1)) // 1000 if toolkit else 0
    if str(major) != release.split(".")[0]:
        raise CommandError(
            f"torch {version} is built with CUDA {release}, but {cuda} has the headers of CUDA {major}:"
            " name a toolkit of the same major version"
        )
    cmake = _read(
        torch / "share" / "cmake" / "Torch" / "TorchConfig.cmake",
        "torch is not installed as its wheel lays it out",
    )
    abi = re.search(r"-D_GLIBCXX_USE_CXX11_ABI=(\d)", cmake)
    return {
        # The local part only repeats the CUDA release, and requirements on torch leave it out.
        "TORCH_VERSION": version.split("+")[0],
        "CUDA_VERSION": release,
        "CXX11_ABI": not abi or abi.group(1) == "1",
    }


def _entries(include: Path, patterns: Iterable[str]) -> list[Path]:
    return [path for pattern in patterns for path in include.glob(pattern) if path.is_file()]


def extension_headers(include: Path, patterns: Iterable[str] = _ENTRIES) -> list[str]:
    """torch's headers that an extension can reach, relative to `include`."""
    found = reachable(_entries(include, patterns), [include, include / "torch/csrc/api/include"])
    if not found:
        raise CommandError(f"{include} has no headers: torch is not installed as its wheel lays it out")
    return sorted(path.relative_to(include).as_posix() for path in found)


def host_headers(include: Path, patterns: Iterable[str] = _CUDA_ENTRIES) -> list[str]:
    """The toolkit's headers that host code can reach, relative to `include`."""
    found = reachable(_entries(include, patterns), [include, include / "cccl"])
    return sorted(path.relative_to(include).as_posix() for path in found)
