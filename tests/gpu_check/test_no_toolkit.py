"""`gpu_check --no-toolkit` without a GPU: which kernels it runs, what it hides, what its table says."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from gpu_check import cli
from gpu_check.errors import CheckError
from gpu_check.no_toolkit import NoToolkit
from gpu_check.wheels import read_wheel

CALL = {"kind": "fp8_dense", "groups": 1, "m": 64, "n": 2112, "k": 7168}
KERNELS = {
    "gemm.0": {"flags": "--gpu-architecture=sm_90a -O3", "call": CALL},
    "gemm.1": {"flags": "--gpu-architecture=sm_100f -O3", "call": CALL},
    "recorded.2": {"flags": "--gpu-architecture=sm_90a -O3", "call": None},
}


def wheel(directory: Path, kernels: dict[str, Any] | None) -> Path:
    path = directory / "vllm-0.33.0-cp38-abi3-any.whl"
    package = "vllm/third_party/deep_gemm"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{package}/__init__.py", "")
        archive.writestr(f"{package}/_C.cpython-{sys.version_info[0]}{sys.version_info[1]}-x86_64-linux-gnu.so", b"")
        if kernels is not None:
            archive.writestr(f"{package}/aot/manifest.json", json.dumps({"kernels": kernels}))
    return path


def run(directory: Path, kernels: dict[str, Any] | None) -> NoToolkit:
    work = directory / "work"
    work.mkdir()
    return NoToolkit(read_wheel(str(wheel(directory, kernels))), work, 1, 4, nvcc=True)


def test_kernels_of_other_architectures_and_without_an_example_are_counted(tmp_path: Path) -> None:
    made = run(tmp_path, KERNELS)
    assert made.calls == {"gemm.0": CALL}
    assert made.other == 2


def test_no_nvcc_is_in_reach_of_the_hidden_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toolkit = tmp_path / "cuda" / "bin"
    toolkit.mkdir(parents=True)
    (toolkit / "nvcc").touch()
    monkeypatch.setenv("PATH", f"{toolkit}{os.pathsep}{os.environ['PATH']}")
    hidden = run(tmp_path, KERNELS).hidden
    assert str(toolkit) not in hidden["PATH"].split(os.pathsep)
    assert list(Path(hidden["CUDA_HOME"]).iterdir()) == []


@pytest.mark.parametrize(
    ("kernels", "words"),
    [(None, "found no aot/manifest.json"), ({"recorded.2": KERNELS["recorded.2"]}, "found no kernel for sm_90a")],
)
def test_wheel_without_kernels_to_run_is_refused(tmp_path: Path, kernels: dict[str, Any] | None, words: str) -> None:
    with pytest.raises(CheckError, match=words):
        run(tmp_path, kernels)


def test_one_wheel_only(tmp_path: Path) -> None:
    path = str(wheel(tmp_path, KERNELS))
    arguments = cli.parser().parse_args([path, "--no-toolkit", "--against", f"other={path}"])
    with pytest.raises(CheckError, match="--against"):
        cli.wheels(arguments)


def test_loaded_kernels_are_read_from_the_log(tmp_path: Path) -> None:
    made = run(tmp_path, KERNELS)
    made.products = lambda *_, **__: {"gemm.0": {"problems": [], "digest": "0"}}
    log = made.work / "aot-only-0.log"
    log.write_text(
        "".join(f"Load time ({path}): 0.1 ms\n" for path in ("/x/deep_gemm/aot/cache/gemm.7", "/x/jit/cache/gemm.0"))
    )
    made.without_toolkit()
    assert made.loaded == {"gemm.7"}
    assert made.failures == [f"gemm.0: was not loaded by {CALL}"]


def test_other_bits_than_the_jits_are_a_failure_and_the_table_shows_first_calls(tmp_path: Path) -> None:
    made = run(tmp_path, {**KERNELS, "gemm.3": {**KERNELS["gemm.0"], "call": {**CALL, "n": 4096}}})
    made.checked = {"gemm.0": {"problems": [], "digest": "0"}, "gemm.3": {"problems": ["x"], "digest": "1"}}
    made.products = lambda *_, **__: {
        name: {"problems": [], "digest": "0", "seconds": 0.0005} for name in ("gemm.0", "gemm.3")
    }
    made.with_jit()
    assert made.failures == ["gemm.3: other bits with the JIT's kernel"]
    made.first_calls()
    assert made.rows()[1:] == [
        ["fp8_dense 2112x7168", "0.5", "0.5", "0.5"],
        ["fp8_dense 4096x7168", "0.5", "0.5", "0.5"],
    ]
    assert made.counts()[2:] == ["right products: 1 of 2", "same bits as the JIT's kernels: 1 of 2"]
