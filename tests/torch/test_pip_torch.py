"""What the rule behind torch.pip writes, and a torch that is not what its metadata says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bazel.torch import pip_torch


def _headers(variable: str) -> set[str]:
    root = Path(os.environ[variable])
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_the_headers_that_an_extension_can_include() -> None:
    torch = {"torch/include/torch/extension.h", "torch/include/torch/csrc/api/include/torch/all.h"}
    cuda = {"cuda/include/cuda.h", "cuda/include/cuda_runtime.h", "cuda/include/crt/host_defines.h"}
    assert _headers("CPU") == torch
    assert _headers("CUDA") == torch | cuda


def test_the_interface_of_a_library_of_another_wheel() -> None:
    interface = Path(os.environ["CUDART"])
    assert b"sample_function" in interface.read_bytes()
    assert interface.stat().st_size < Path(os.environ["SAMPLE_LIBRARY"]).stat().st_size


def test_another_torch_than_its_metadata_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch = tmp_path / "torch"
    for name, text in {
        "version.py": "__version__ = '2.6.0+cpu'\n",
        "share/cmake/Torch/TorchConfig.cmake": '"-D_GLIBCXX_USE_CXX11_ABI=0"',
    }.items():
        (torch / name).parent.mkdir(parents=True, exist_ok=True)
        (torch / name).write_text(text, encoding="utf-8")
    arguments = ["--version=2.6.0", "--cuda-version=", f"--torch={torch}", f"--headers={tmp_path}/h"]
    assert pip_torch.main([*arguments, f"--libraries={tmp_path}/lib"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "has torch 2.6.0 with CUDA none and the C++11 ABI off; expected torch 2.6.0 with CUDA none and" in error
