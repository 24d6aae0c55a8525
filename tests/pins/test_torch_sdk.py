"""Requirement files for torch: which packages are kept, and what is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tools.pins import torch_sdk

_HASH = "    --hash=sha256:" + "1" * 64


def _resolved(*pins: str) -> str:
    return "".join(f"{pin} \\\n{_HASH} \\\n{_HASH}\n" for pin in pins)


_CUDA_13 = _resolved(
    "cuda-toolkit==13.0.2",
    "filelock==4.0",
    "nvidia-cublas==13.1.0.3",
    "nvidia-cuda-cccl==13.0.85",
    "nvidia-cuda-cupti==13.0.85",
    "nvidia-cuda-runtime==13.0.96",
    "nvidia-cudnn-cu13==9.19.0.56",
    "torch==2.11.0",
)


def test_keeps_what_compiling_needs() -> None:
    text = torch_sdk.select(_CUDA_13, "2.11.0")
    names = [line.split("==")[0] for line in text.splitlines() if line[0] not in "# "]
    assert names == ["nvidia-cublas", "nvidia-cuda-cccl", "nvidia-cuda-runtime", "torch"]
    assert text.count("--hash=sha256:") == 8
    assert "CUDA 13.0" in text
    assert "torch_sdk -- 2.11.0" in text


@pytest.mark.parametrize("version", ["2.11.0", "2.14.0"])
def test_committed_file_is_of_that_form(version: str) -> None:
    """Every pin has hashes, and the file does not say where it came from."""
    text = Path(__file__).parents[2].joinpath(f"third_party/torch/{version}.txt").read_text(encoding="utf-8")
    blocks = text.split("\n", 2)[2].replace(" \\\n", " ").splitlines()
    assert len(blocks) == 8
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text
    assert f"torch=={version} " in text


def test_build_without_cuda() -> None:
    with pytest.raises(torch_sdk.UpdateError, match="is a build without CUDA"):
        torch_sdk.select(_resolved("cuda-toolkit==13.5.0", "nvidia-cuda-cccl==13.5.1", "torch==2.11.0"), "2.11.0")


def test_cuda_of_another_layout() -> None:
    resolved = _resolved("nvidia-cuda-runtime-cu12==12.8.90", "nvidia-cudnn-cu12==9.1", "torch==2.9.0")
    with pytest.raises(torch_sdk.UpdateError, match=r"torch 2\.9\.0 needs nvidia-cuda-runtime-cu12 12\.8\.90"):
        torch_sdk.select(resolved, "2.9.0")


def _uv(tmp_path: Path, script: str) -> str:
    path = tmp_path / "uv"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_file_is_written(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(tmp_path))
    (tmp_path / "third_party/torch").mkdir(parents=True)
    uv = _uv(tmp_path, f"cat > asked\ncat <<'END'\n{_CUDA_13}END")
    monkeypatch.chdir(tmp_path)
    assert torch_sdk.main(["2.11.0", f"--uv={uv}"]) == 0
    assert (tmp_path / "asked").read_text() == "torch==2.11.0\ncuda-toolkit[cccl,crt]\n"
    assert (tmp_path / "third_party/torch/2.11.0.txt").read_text() == torch_sdk.select(_CUDA_13, "2.11.0")


@pytest.mark.parametrize(
    ("version", "expected"),
    [("new", "is not a version of torch"), ("2.99.0", "No solution found: no torch==2.99.0")],
)
def test_failure_is_one_line(tmp_path: Path, monkeypatch, capsys, version: str, expected: str) -> None:
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(tmp_path))
    (tmp_path / "third_party/torch").mkdir(parents=True)
    uv = _uv(tmp_path, "echo 'No solution found:' >&2; echo '  no torch==2.99.0' >&2; exit 1")
    assert torch_sdk.main([version, f"--uv={uv}"]) == 1
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
    assert not list((tmp_path / "third_party/torch").iterdir())
