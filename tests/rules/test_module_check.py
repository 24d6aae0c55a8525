"""module-check on sources, and on libraries that Bazel built for this test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from wheel_tools import module_check

_LITERAL = 'PYBIND11_MODULE(my_ops, m) { m.def("f", &f); }\n'


def _run(capsys: pytest.CaptureFixture[str], out: Path, *arguments: str | Path) -> str:
    """The error, one line; empty where there was none."""
    status = module_check.main([arguments[0], "--target=//:ops", f"--out={out}", *map(str, arguments[1:])])
    error = capsys.readouterr().err
    assert error.count("\n") == status
    assert out.exists() == (status == 0)
    return error


@pytest.mark.parametrize(
    ("sources", "accepted"),
    [
        (["PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {}"], True),
        (["PYBIND11_MODULE ( _C,\n m) {}"], True),
        (["PyMODINIT_FUNC PyInit__C(void) { return 0; }"], True),
        ([_LITERAL], False),
        (["PyMODINIT_FUNC PyInit_my_ops(void) { return 0; }"], False),
        (["int f();", _LITERAL, "int g();"], False),
        # Another module beside the right one is another's business.
        ([_LITERAL, "PYBIND11_MODULE(_C, m) {}"], True),
        # In what is linked with them.
        (["int f();"], True),
        # What a macro stands for is the preprocessor's to say.
        (["#define my_ops _C\n", _LITERAL], True),
        (["PYBIND11_MODULE(MODULE_NAME, m) {}"], True),
        (['// PYBIND11_MODULE(_C, m)\n/* PyInit__C */ const char *s = "PyInit__C";' + _LITERAL], False),
        (["// " + _LITERAL], True),
    ],
)
def test_sources(tmp_path: Path, capsys, sources: list[str], accepted: bool) -> None:
    files = []
    for number, text in enumerate(sources):
        files.append(tmp_path / f"{number}.cc")
        files[-1].write_text(text)
    error = _run(capsys, tmp_path / "ok", "sources", "--module=_C", *files)
    assert (error == "") == accepted
    if not accepted:
        place = next(number for number, text in enumerate(sources) if "my_ops" in text)
        assert error == (
            f"error: //:ops: found the module my_ops in {files[place]}; expected module_name, which is _C;"
            ' write PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) there, or set module_name = "my_ops"\n'
        )


def test_a_name_that_the_build_defines(tmp_path: Path, capsys) -> None:
    (tmp_path / "ops.cc").write_text(_LITERAL)
    assert _run(capsys, tmp_path / "ok", "sources", "--module=_C", "--define=my_ops=_C", tmp_path / "ops.cc") == ""


def test_library(tmp_path: Path, capsys) -> None:
    library = ("library", "--cuda=13.0", os.environ["MODULE"])
    assert _run(capsys, tmp_path / "ok", *library, "--module=_C") == ""
    error = _run(capsys, tmp_path / "no", *library, "--module=my_ops")
    assert "_C.so: found PyInit__C among the exported symbols; expected PyInit_my_ops, after module_name; " in error


def test_library_with_another_cuda_runtime(tmp_path: Path, capsys) -> None:
    library = ("library", os.environ["CUDA_12"], "--module=_C")
    assert _run(capsys, tmp_path / "ok", *library, "--cuda=12.9") == ""
    error = _run(capsys, tmp_path / "no", *library, "--cuda=13.0")
    assert "cuda_12.so: found that it needs libcudart.so.12; expected the CUDA runtime of torch, which is " in error


def test_library_that_wants_what_torch_does_not_have(tmp_path: Path, capsys) -> None:
    library = ("library", os.environ["TORCH"], "--module=_C", "--cuda=13.0")
    # String tables; in the second the name is the end of another one.
    (tmp_path / "one.so").write_bytes(b"\0_ZN2at5thereEv\0")
    (tmp_path / "two.so").write_bytes(b"\0prefix_ZN2at4goneEv\0")
    torch = [f"--torch={tmp_path / name}" for name in ("one.so", "two.so")]
    assert _run(capsys, tmp_path / "ok", *library, *torch) == ""
    error = _run(capsys, tmp_path / "no", *library, torch[0])
    assert "torch.so: found that it wants _ZN2at4goneEv, which no library of torch has; expected symbols of " in error


def test_what_is_no_library(tmp_path: Path, capsys) -> None:
    (tmp_path / "text.so").write_text("text")
    error = _run(capsys, tmp_path / "no", "library", "--module=_C", "--cuda=13.0", tmp_path / "text.so")
    assert "//:ops: text.so: found no ELF file (it begins with 'text'); expected a shared library" in error
