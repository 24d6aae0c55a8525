"""The machine: its Hopper GPU, driver, torch, and the nvcc that DeepGEMM's JIT calls."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from .errors import CheckError


def torch_version() -> str:
    """Returns the version of this Python's torch, without importing it."""
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        raise CheckError(
            f"{sys.executable}: found no torch; expected torch for CUDA; run this with the Python that has torch"
        ) from None


def describe(*, needs_nvcc: bool = True) -> dict[str, str]:
    """Returns names and versions for the head of the table, or fails on a machine where nothing can be checked."""
    try:
        import torch  # noqa: PLC0415
    except (ImportError, OSError) as error:
        raise CheckError(f"torch: found {error}; expected a torch that imports; repair the installation") from None
    if not torch.cuda.is_available():
        raise CheckError(
            "torch: found no CUDA device; expected an H100, H200 or other Hopper GPU; run this where one is"
        )
    name, capability = torch.cuda.get_device_name(0), torch.cuda.get_device_capability(0)
    if capability[0] != 9:
        raise CheckError(
            f"{name}: found compute capability {capability[0]}.{capability[1]}; "
            "expected 9.0 (Hopper), which these shapes and tolerances are for; run this on an H100 or H200"
        )
    # DeepGEMM's JIT looks for nvcc in these places, in this order.
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH")
    nvcc = str(Path(home, "bin", "nvcc")) if home else shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    if needs_nvcc and not os.access(nvcc, os.X_OK):
        raise CheckError(
            f"{nvcc}: found no nvcc; "
            "expected the compiler that DeepGEMM compiles its kernels with; install the CUDA toolkit, or set CUDA_HOME"
        )
    return {
        "GPU": name,
        "driver": _output(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"])[0],
        "torch": torch.__version__,
        "CUDA of torch": torch.version.cuda,
        "nvcc": next((line.split("V")[-1] for line in _output([nvcc, "--version"]) if ", V" in line), "none"),
        "Python": platform.python_version(),
    }


def _output(command: list[str]) -> list[str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ["?"]
    return done.stdout.strip().splitlines() or ["?"]
