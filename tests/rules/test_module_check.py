"""module-check on libraries that Bazel built for this test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from wheel_tools import module_check


def _run(capsys: pytest.CaptureFixture[str], out: Path, *arguments: str | Path) -> str:
    """Checks a library; returns the error, one line, or "" if there was none."""
    status = module_check.main(["--target=//:ops", f"--out={out}", *map(str, arguments)])
    error = capsys.readouterr().err
    assert error.count("\n") == status
    assert out.exists() == (status == 0)
    return error


def test_the_module_of_the_given_name(tmp_path: Path, capsys) -> None:
    library = ("--cuda=13.0", os.environ["MODULE"])
    assert _run(capsys, tmp_path / "ok", *library, "--module=_C") == ""
    error = _run(capsys, tmp_path / "no", *library, "--module=my_ops")
    assert error == (
        "error: //:ops: _C.so: found PyInit__C among the exported symbols; expected PyInit_my_ops, since module_name is"
        " my_ops; write PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {…} in one source, or correct module_name\n"
    )


def test_no_module(tmp_path: Path, capsys) -> None:
    error = _run(capsys, tmp_path / "no", "--module=_C", "--cuda=13.0", os.environ["NO_MODULE"])
    assert "libcudart.so.12: found no PyInit function among the exported symbols; expected PyInit__C, " in error


def test_another_cuda_runtime(tmp_path: Path, capsys) -> None:
    library = (os.environ["CUDA_12"], "--module=_C")
    assert _run(capsys, tmp_path / "ok", *library, "--cuda=12.9") == ""
    error = _run(capsys, tmp_path / "no", *library, "--cuda=13.0")
    assert "cuda_12.so: found libcudart.so.12 among the needed libraries; expected the CUDA runtime of torch, " in error


def test_a_torch_without_cuda(tmp_path: Path, capsys) -> None:
    assert _run(capsys, tmp_path / "ok", os.environ["MODULE"], "--module=_C", "--cuda=") == ""
    error = _run(capsys, tmp_path / "no", os.environ["CUDA_12"], "--module=_C", "--cuda=")
    assert (
        "cuda_12.so: found libcudart.so.12 among the needed libraries; expected nothing of CUDA, since this " in error
    )


def test_a_symbol_that_torch_does_not_have(tmp_path: Path, capsys) -> None:
    library = (os.environ["TORCH"], "--module=_C", "--cuda=13.0")
    # String tables; in the second one the name is the end of another name.
    (tmp_path / "one.so").write_bytes(b"\0_ZN2at5thereEv\0")
    (tmp_path / "two.so").write_bytes(b"\0prefix_ZN2at4goneEv\0")
    torch = [f"--torch={tmp_path / name}" for name in ("one.so", "two.so")]
    assert _run(capsys, tmp_path / "ok", *library, *torch) == ""
    error = _run(capsys, tmp_path / "no", *library, torch[0])
    assert "torch.so: found undefined symbols that no library of torch has: _ZN2at4goneEv; expected symbols " in error


def test_no_library(tmp_path: Path, capsys) -> None:
    (tmp_path / "text.so").write_text("text")
    error = _run(capsys, tmp_path / "no", "--module=_C", "--cuda=13.0", tmp_path / "text.so")
    assert "//:ops: text.so: found no ELF file (it begins with 'text'); expected a shared library" in error
