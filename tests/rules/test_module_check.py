"""module-check on libraries that Bazel built for this test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from wheel_tools import module_check


def _run(capsys: pytest.CaptureFixture[str], out: Path, library: str | Path, *options: str) -> str:
    """Checks a library; returns the error, one line, or "" if there was none."""
    status = module_check.main(["--target=//:ops", f"--out={out}", str(library), *options])
    error = capsys.readouterr().err
    assert error.count("\n") == status
    assert (out.read_bytes() == Path(library).read_bytes()) if status == 0 else not out.exists()
    return error


def test_the_module_of_the_given_name(tmp_path: Path, capsys) -> None:
    library = (os.environ["MODULE"], "--cuda=13.0")
    assert _run(capsys, tmp_path / "ok", *library, "--module=_C") == ""
    error = _run(capsys, tmp_path / "no", *library, "--module=my_ops")
    assert error == (
        "module-check: error: //:ops: _C.so: found PyInit__C among the exported symbols; expected PyInit_my_ops, since"
        " module_name is my_ops; write PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {…} in one source, or correct"
        " module_name\n"
    )


def test_no_module(tmp_path: Path, capsys) -> None:
    error = _run(capsys, tmp_path / "no", os.environ["NO_MODULE"], "--module=_C", "--cuda=13.0")
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
    error = _run(capsys, tmp_path / "no", tmp_path / "text.so", "--module=_C", "--cuda=13.0")
    assert "//:ops: text.so: found no ELF file (it begins with 'text'); expected a shared library" in error


@pytest.mark.parametrize("kind", ["OPERATORS", "STABLE_OPERATORS"])
def test_an_operator_library(tmp_path: Path, capsys, kind: str) -> None:
    library = (os.environ[kind], "--cuda=13.0")
    assert _run(capsys, tmp_path / "ok", *library, "--operators") == ""
    error = _run(capsys, tmp_path / "no", *library, "--module=_C")
    assert "found no PyInit function" in error
    assert "or set operators = True, since it registers operators\n" in error


def test_an_operator_library_that_registers_nothing(tmp_path: Path, capsys) -> None:
    error = _run(capsys, tmp_path / "no", os.environ["NO_MODULE"], "--operators", "--cuda=13.0")
    assert "found no call that registers an operator; expected TORCH_LIBRARY, " in error
    assert "needs alwayslink = True" in error


def test_an_operator_library_that_is_a_module(tmp_path: Path, capsys) -> None:
    error = _run(capsys, tmp_path / "no", os.environ["MODULE"], "--operators", "--cuda=13.0")
    assert "found PyInit__C among the exported symbols; expected no module, since operators = True " in error


def test_an_operator_library_of_one_python(tmp_path: Path, capsys) -> None:
    error = _run(capsys, tmp_path / "no", os.environ["PYTHON"], "--operators", "--cuda=13.0")
    assert "found the undefined symbol PyList_New, which belongs to one CPython; expected nothing of Python" in error
