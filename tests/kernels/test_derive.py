"""Kernels derived from layers: DeepGEMM's own choice, without a GPU."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from kernel_tools.lists import Kernel, read

RECORDED = sorted(Path(os.environ["RECORDED"]).parent.glob("*.jsonl"))


def derive(out: Path, *layers: str, arch: str = "9.0", sms: int = 132, max_m: int = 256) -> list[Kernel]:
    command = [os.environ["DERIVE"], "--arch", arch, "--num-sms", str(sms), "--max-m", str(max_m)]
    command += ["--max-grouped-m", str(8 * max_m), "--out", str(out), *layers]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return read(out).kernels


def test_dense_layer_has_its_gemms_and_the_transposition_of_its_scales(tmp_path: Path) -> None:
    kernels = derive(tmp_path / "list.jsonl", "fp8_dense:2112x7168")
    assert {kernel.tag for kernel in kernels} == {"sm90_fp8_gemm_1d2d", "transpose_fp32"}
    gemms = [kernel for kernel in kernels if kernel.tag == "sm90_fp8_gemm_1d2d"]
    assert len(gemms) > 5
    for kernel in gemms:
        assert "0, 2112, 7168," in kernel.source
        assert "132, GemmType::Normal" in kernel.source
        assert kernel.flags.startswith("--gpu-architecture=sm_90a -O3 ")
        assert kernel.call["kind"] == "fp8_dense"
    (transpose,) = (kernel for kernel in kernels if kernel.tag == "transpose_fp32")
    # 7168 columns, a scale for each 128.
    assert "512, 64, 56, 128" in transpose.source


@pytest.mark.parametrize(
    ("layer", "tag", "type_"),
    [
        ("fp8_contiguous:8x512x1024", "sm90_m_grouped_fp8_gemm_contiguous_1d2d", "GemmType::MGroupedContiguous"),
        ("fp8_masked:8x512x1024", "sm90_fp8_m_grouped_gemm_masked_1d2d", "GemmType::MGroupedMasked"),
        ("bf16_dense:512x1024", "sm90_bf16_gemm", "GemmType::Normal"),
        ("bf16_contiguous:8x512x1024", "sm90_m_grouped_bf16_gemm_contiguous", "GemmType::MGroupedContiguous"),
        ("bf16_masked:8x512x1024", "sm90_bf16_m_grouped_gemm_masked", "GemmType::MGroupedMasked"),
    ],
)
def test_every_kind(tmp_path: Path, layer: str, tag: str, type_: str) -> None:
    kernels = [kernel for kernel in derive(tmp_path / "list.jsonl", layer) if kernel.tag != "transpose_fp32"]
    assert kernels
    assert {kernel.tag for kernel in kernels} == {tag}
    assert all(type_ in kernel.source for kernel in kernels)


def test_other_number_of_sms_is_other_kernels(tmp_path: Path) -> None:
    gemms = [
        {
            kernel.source
            for kernel in derive(tmp_path / "list.jsonl", "fp8_dense:2112x7168", sms=sms)
            if "gemm" in kernel.tag
        }
        for sms in (132, 78)
    ]
    assert not gemms[0] & gemms[1]


@pytest.mark.parametrize(("arch", "flag"), [("10.0", "sm_100f"), ("10.3", "sm_103f")])
def test_blackwell(tmp_path: Path, arch: str, flag: str) -> None:
    kernels = derive(tmp_path / "list.jsonl", "fp8_dense:2112x7168", "fp8_contiguous:8x512x1024", arch=arch, sms=148)
    assert {kernel.arch for kernel in kernels} == {flag}
    assert "transpose_and_pack_fp32_into_ue8m0" in {kernel.tag for kernel in kernels}


def test_environment_does_not_change_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = derive(tmp_path / "list.jsonl", "fp8_dense:512x512")
    monkeypatch.setenv("DG_JIT_WITH_LINEINFO", "1")
    assert derive(tmp_path / "list.jsonl", "fp8_dense:512x512") == before


@pytest.mark.parametrize(
    ("layer", "arch", "words"),
    [
        ("fp8_dense:2112", "9.0", "expected fp8_dense:NxK"),
        ("fp8_contiguous:512x1024", "9.0", "GROUPSxNxK"),
        ("fp8_dense:0x128", "9.0", "expected a positive number"),
        ("fp8_sparse:1x2x3", "9.0", "expected one of {fp8,bf16}_{dense,contiguous,masked}"),
        ("fp8_dense:512x512", "8.0", "expected the compute capability"),
    ],
)
def test_wrong_arguments_are_one_line(tmp_path: Path, layer: str, arch: str, words: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        derive(tmp_path / "list.jsonl", layer, arch=arch)
    assert words in caught.value.stderr
    assert caught.value.stderr.count("\n") == 1


def test_recorded_kernels_are_derived(tmp_path: Path) -> None:
    """Every kernel recorded on a GPU for the layers that layers.json names is among the derived ones."""
    assert RECORDED
    facts = json.loads(Path(os.environ["RECORDED"]).read_text())
    for path in RECORDED:
        recorded = read(path)
        derived = derive(tmp_path / "list.jsonl", *facts["layers"], sms=recorded.num_sms, max_m=facts["max_m"])
        tags = {kernel.tag for kernel in derived}
        common = [kernel for kernel in recorded.kernels if kernel.tag in tags]
        assert common
        assert set(common) <= set(derived)
