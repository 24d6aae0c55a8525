"""The machine: its Hopper GPU, driver, torch, and the nvcc that DeepGEMM's JIT calls."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .errors import CheckError, one_line

_PROBE = """
import json, torch
gpu = torch.cuda.is_available()
print(json.dumps({
    "torch": torch.__version__,
    "cuda": torch.version.cuda or "",
    "gpu": torch.cuda.get_device_name(0) if gpu else "",
    "capability": list(torch.cuda.get_device_capability(0)) if gpu else [],
}))
"""


def torch_version() -> str:
    """Returns the version of this Python's torch, without importing it."""
    from importlib import metadata  # noqa: PLC0415

    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        raise CheckError(
            sys.executable, found="no torch", expected="torch for CUDA", fix="run this with the Python that has torch"
        ) from None


def describe(*, needs_nvcc: bool = True) -> dict[str, str]:
    """Returns names and versions for the head of the table, or fails on a machine where nothing can be checked."""
    probe = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, check=False)
    if probe.returncode:
        raise CheckError(
            "torch", found=one_line(probe.stderr)[-300:], expected="a torch that imports", fix="repair the installation"
        )
    found = json.loads(probe.stdout.splitlines()[-1])
    if not found["gpu"]:
        raise CheckError(
            "torch", found="no CUDA device", expected="an H100, H200 or other Hopper GPU", fix="run this where one is"
        )
    if found["capability"][0] != 9:
        raise CheckError(
            found["gpu"],
            found=f"compute capability {'.'.join(map(str, found['capability']))}",
            expected="9.0 (Hopper), which these shapes and tolerances are for",
            fix="run this on an H100 or H200",
        )
    return {
        "GPU": found["gpu"],
        "driver": _first_line(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]),
        "torch": found["torch"],
        "CUDA of torch": found["cuda"],
        "nvcc": _nvcc(needs_nvcc),
        "Python": sys.version.split()[0],
        "processor": _processor(),
    }


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except OSError:
        return "?"
    return one_line(done.stdout.strip().split("\n")[0]) or "?"


def _nvcc(needed: bool) -> str:
    # The same places as DeepGEMM's JIT, in the same order.
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH")
    program = str(Path(home, "bin", "nvcc")) if home else shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    if not os.access(program, os.X_OK) and not needed:
        return "none"
    if not os.access(program, os.X_OK):
        raise CheckError(
            program,
            found="no nvcc",
            expected="the compiler that DeepGEMM compiles its kernels with",
            fix="install the CUDA toolkit, or set CUDA_HOME",
        )
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return next((line.split("V")[-1].strip() for line in done.stdout.splitlines() if ", V" in line), "?")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "?"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "?")
