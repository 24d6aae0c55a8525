"""Which of DeepGEMM's headers are inputs of its compile actions."""

from __future__ import annotations

from pathlib import Path

import pytest

from bazel.deepgemm import headers


def test_reachable_headers_and_all_of_csrc(tmp_path: Path) -> None:
    for name, text in {
        "csrc/python_api.cpp": "#include <deep_jit/a.hpp>\n#include <torch/extension.h>\n",
        "csrc/unused.hpp": "",
        "third-party/deep_jit/include/deep_jit/a.hpp": "#if 0\n#include <cute/b.hpp>\n#endif\n",
        "third-party/cutlass/include/cute/b.hpp": '#include "../cutlass/c.h"\n',
        "third-party/cutlass/include/cutlass/c.h": "",
        "third-party/cutlass/include/cutlass/device_only.h": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    out = tmp_path / "headers.bzl"
    assert headers.main(["--src", str(tmp_path), "--out", str(out)]) == 0
    scope: dict[str, list[str]] = {}
    exec(out.read_text(), scope)
    assert scope["HOST_HEADERS"] == [
        "src/csrc/unused.hpp",
        "src/third-party/cutlass/include/cute/b.hpp",
        "src/third-party/cutlass/include/cutlass/c.h",
        "src/third-party/deep_jit/include/deep_jit/a.hpp",
    ]


def test_no_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert headers.main(["--src", str(tmp_path), "--out", str(tmp_path / "headers.bzl")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
