"""The requirement files of a torch: which packages each has, and which torch is refused."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from bazel.fetch.command import CommandError
from bazel.fetch.pins import read_pins
from tools.pins import torch_pins
from tools.pins.torch_pins import Package, requirement_files

_HASH = "    --hash=sha256:" + "1" * 64


def _resolved(*pins: str) -> str:
    return "".join(f"{pin} \\\n{_HASH} \\\n{_HASH}\n" for pin in pins)


def _packages(*pins: str) -> list[Package]:
    return [Package(*pin.split("=="), _resolved(pin)) for pin in pins]


_CUDA_13 = (
    "cuda-toolkit==13.0.2",
    "filelock==4.0",
    "markupsafe==3.0",
    "nvidia-cublas==13.1.0.3",
    "nvidia-cuda-cccl==13.0.85",
    "nvidia-cuda-cupti==13.0.85",
    "nvidia-cuda-runtime==13.0.96",
    "nvidia-cudnn-cu13==9.19.0.56",
    "torch==2.11.0",
)


def _names(text: str) -> list[str]:
    return [pin.name for pin in read_pins(text)]


def test_each_package_is_in_the_files_that_need_it() -> None:
    files = requirement_files(_packages(*_CUDA_13), "2.11.0", "2.11.0 --python 3.10")
    assert {name: _names(text) for name, text in files.items()} == {
        "2.11.0.txt": ["nvidia-cublas", "nvidia-cuda-cccl", "nvidia-cuda-runtime", "torch"],
        "2.11.0.runtime.txt": [
            "cuda-toolkit",
            "filelock",
            "nvidia-cublas",
            "nvidia-cuda-cupti",
            "nvidia-cuda-runtime",
            "nvidia-cudnn-cu13",
        ],
        "2.11.0.runtime-compiled.txt": ["markupsafe", "torch"],
    }
    for text in files.values():
        assert "\n# Made by: bazel run @rules_deepgemm//tools/pins:torch -- 2.11.0 --python 3.10\n" in text
    assert "(CUDA 13.0)" in files["2.11.0.txt"]


@pytest.mark.parametrize("version", ["2.11.0", "2.14.0"])
def test_committed_files_are_of_that_form(version: str) -> None:
    """The program would write the same pins again, had the index nothing newer."""
    root = Path(__file__).parents[2] / "third_party/torch"
    committed = {
        name: (root / name).read_text(encoding="utf-8")
        for name in (f"{version}.txt", f"{version}.runtime.txt", f"{version}.runtime-compiled.txt")
    }
    assert "://" not in "".join(committed.values())
    found = re.findall(r"^((\S+)==(\S+)(?: \\\n    --hash=\S+)+\n)", "".join(committed.values()), re.MULTILINE)
    packages = sorted({Package(name, found_version, text) for text, name, found_version in found})
    arguments = re.search(r":torch -- (.*)", committed[f"{version}.txt"])[1]
    assert requirement_files(packages, version, arguments) == committed


def test_build_without_cuda() -> None:
    packages = _packages("cuda-toolkit==13.5.0", "nvidia-cuda-cccl==13.5.1", "torch==2.11.0")
    with pytest.raises(CommandError, match="is built without CUDA"):
        requirement_files(packages, "2.11.0", "2.11.0")


def test_cuda_of_another_layout() -> None:
    packages = _packages("nvidia-cuda-runtime-cu12==12.8.90", "nvidia-cudnn-cu12==9.1", "torch==2.9.0")
    with pytest.raises(CommandError, match=r"torch 2\.9\.0 requires nvidia-cuda-runtime-cu12 12\.8\.90"):
        requirement_files(packages, "2.9.0", "2.9.0")


def _uv(tmp_path: Path, script: str) -> str:
    path = tmp_path / "uv"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_files_are_written_into_the_workspace(tmp_path: Path, monkeypatch) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(workspace))
    uv = _uv(tmp_path, f"cat > asked\ncat <<'END'\n{_resolved(*_CUDA_13)}END")
    assert torch_pins.main(["2.11.0", f"--uv={uv}"]) == 0
    # uv runs in the workspace, whose configuration it reads.
    assert (workspace / "asked").read_text() == "torch==2.11.0\npackaging\ncuda-toolkit[cccl,crt]\n"
    pins = workspace / "third_party/torch"
    expected = requirement_files(_packages(*_CUDA_13), "2.11.0", "2.11.0")
    assert {path.name: path.read_text() for path in pins.glob("*.txt")} == expected
    assert 'exports_files(glob(["*.txt"]))' in (pins / "BUILD.bazel").read_text()
    (pins / "BUILD.bazel").write_text("mine")
    assert torch_pins.main(["2.11.0", f"--uv={uv}"]) == 0
    assert (pins / "BUILD.bazel").read_text() == "mine"


def test_both_cpus_have_the_same_packages(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(tmp_path))
    only_x86 = _resolved("triton==3.8.0")
    script = f"case \"$*\" in *x86_64-*) cat <<'END'\n{only_x86}END\nesac\ncat <<'END'\n{_resolved(*_CUDA_13)}END"
    uv = _uv(tmp_path, script)
    assert torch_pins.main(["2.11.0", f"--uv={uv}"]) == 1
    assert "requires other packages on aarch64 than on x86_64: triton 3.8.0;" in capsys.readouterr().err
    assert torch_pins.main(["2.11.0", f"--uv={uv}", "--cpu=x86_64"]) == 0
    compiled = (tmp_path / "third_party/torch/2.11.0.runtime-compiled.txt").read_text()
    assert _names(compiled) == ["triton", "markupsafe", "torch"]
    assert ":torch -- 2.11.0 --cpu x86_64\n" in compiled


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["new"], "is not a version of torch"),
        (["2.11.0", "--python=3"], "expected a CPython such as 3.11"),
        (["2.11.0", "--uv=/absent/uv"], "/absent/uv does not run"),
        (["2.99.0"], "No solution found: no torch==2.99.0"),
    ],
)
def test_failure_is_one_line(tmp_path: Path, monkeypatch, capsys, arguments: list[str], expected: str) -> None:
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(tmp_path))
    uv = _uv(tmp_path, "echo 'No solution found:' >&2; echo '  no torch==2.99.0' >&2; exit 1")
    assert torch_pins.main([f"--uv={uv}", *arguments]) == 1
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
    assert not (tmp_path / "third_party").exists()
