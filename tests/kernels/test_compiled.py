"""Compiled kernels: the same bytes twice, found under the right keys, and checked in a wheel."""

from __future__ import annotations

import json
import os
import re
import zipfile
from pathlib import Path

import pytest
from wheel_tools.check import check_wheel
from wheel_tools.kernel_keys import Headers, kernel_key
from wheel_tools.options import Options

FIRST, SECOND = Path(os.environ["FIRST"]), Path(os.environ["SECOND"])
RECORDED = sorted(Path(os.environ["RECORDED"]).glob("*.*/"))
EXTENSION = "deep_gemm/_C.cpython-312-x86_64-linux-gnu.so"


def include() -> Path:
    first = Path(os.environ["HEADERS"].split()[0])
    return next(parent for parent in first.parents if parent.name == "include")


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_two_builds_give_the_same_bytes() -> None:
    # The names of the sets are the one difference.
    first, second = files(FIRST), files(SECOND)
    assert first.pop("manifest.json").replace(b'"first"', b'"second"') == second.pop("manifest.json")
    assert first == second
    assert sum(name.endswith("/kernel.cubin") for name in first) >= 2


def test_kernels_name_no_directory() -> None:
    for name, data in files(FIRST).items():
        assert not re.search(rb"external/|bazel-out|execroot|sandbox|/tmp/|tmpxft", data), name


def test_compressed_kernels_are_smaller_under_the_same_keys() -> None:
    compressed, plain = files(Path(os.environ["COMPRESSED"])), files(FIRST)
    assert compressed.keys() == plain.keys()
    for name, data in compressed.items():
        if name.endswith("/kernel.cubin"):
            assert data[:4] == b"\x50\xed\x55\xba"
            assert len(data) * 2 < len(plain[name])
        else:
            assert data == plain[name]


def test_cubins_are_for_the_architecture() -> None:
    for name, data in files(FIRST).items():
        if name.endswith("/kernel.cubin"):
            # e_machine EM_CUDA; e_flags has the architecture's number in its second byte.
            assert data[:4] == b"\x7fELF"
            assert int.from_bytes(data[18:20], "little") == 190
            assert data[49] == 90


def test_keys_are_those_of_the_headers() -> None:
    headers = Headers.below(include())
    manifest = json.loads((FIRST / "manifest.json").read_text())
    compiler = (FIRST / "compiler.txt").read_bytes()
    assert compiler.startswith(b"nvcc: NVIDIA (R) Cuda compiler driver\n")
    for name, facts in manifest["kernels"].items():
        source = (FIRST / "cache" / name / "kernel.cu").read_bytes()
        assert name.partition(".")[2] == kernel_key(headers, compiler, facts["flags"], source)


def test_keys_are_those_that_a_gpu_recorded() -> None:
    assert RECORDED
    headers = Headers.below(include())
    for entry in RECORDED:
        facts = json.loads((entry / "entry.json").read_text())
        key = kernel_key(headers, facts["compiler"].encode(), facts["flags"], (entry / "kernel.cu").read_bytes())
        assert entry.name.partition(".")[2] == key


# In a wheel


def wheel(directory: Path, changes: dict[str, bytes | None], module: bytes = b"DG_JIT_AOT_REPORT") -> Path:
    """A wheel with the first set and DeepGEMM's headers; changes: members in the place of others, None for none."""
    path = directory / "deep_gemm-2.8.2-cp312-cp312-manylinux_2_28_x86_64.whl"
    members = {f"deep_gemm/aot/{name}": data for name, data in files(FIRST).items()}
    members |= {
        f"deep_gemm/include/{name}": data for name, data in files(include()).items() if name.startswith("deep_gemm/")
    }
    members["deep_gemm/include/cutlass/version.h"] = (include() / "cutlass/version.h").read_bytes()
    members[EXTENSION] = module
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**members, **changes}.items():
            if data is not None:
                archive.writestr(name, data)
    return path


def findings(path: Path) -> list[tuple[str, str]]:
    return [
        (found.rule, found.path) for found in check_wheel(path, Options()).findings if found.rule.startswith("kernel")
    ]


def entry() -> str:
    return "deep_gemm/aot/cache/" + min(json.loads((FIRST / "manifest.json").read_text())["kernels"])


def test_wheel_with_its_own_headers_is_clean(tmp_path: Path) -> None:
    assert findings(wheel(tmp_path, {})) == []


def test_wheel_with_compressed_kernels_is_clean(tmp_path: Path) -> None:
    compressed = files(Path(os.environ["COMPRESSED"]))
    assert findings(wheel(tmp_path, {f"deep_gemm/aot/{name}": data for name, data in compressed.items()})) == []


def test_drifted_header_is_found(tmp_path: Path) -> None:
    changed = (include() / "deep_gemm/common/types.cuh").read_bytes() + b"\n"
    found = findings(wheel(tmp_path, {"deep_gemm/include/deep_gemm/common/types.cuh": changed}))
    assert found
    assert {rule for rule, _ in found} == {"kernel-stale"}


@pytest.mark.parametrize(
    ("member", "data", "rule"),
    [
        ("kernel.cu", b"// another kernel\n", "kernel-stale"),
        ("kernel.cu", None, "kernels-incomplete"),
        ("kernel.cubin", None, "kernels-incomplete"),
        ("kernel.cubin", b"\x7fELF and no more", "kernel-unreadable"),
        ("kernel.ptx", b"", "kernel-unknown"),
    ],
)
def test_wrong_entry_is_found(tmp_path: Path, member: str, data: bytes | None, rule: str) -> None:
    path = f"{entry()}/{member}"
    ((found, where),) = findings(wheel(tmp_path, {path: data}))
    assert found == rule
    assert path.startswith(where)


@pytest.mark.parametrize("name", ["compiler.txt", "manifest.json"])
def test_missing_file_is_found(tmp_path: Path, name: str) -> None:
    assert findings(wheel(tmp_path, {f"deep_gemm/aot/{name}": None})) == [
        ("kernels-incomplete", f"deep_gemm/aot/{name}")
    ]


def test_manifest_that_is_no_manifest_is_found(tmp_path: Path) -> None:
    for data in (b"{}", b"[]", b"\xff", b'{"kernels": 7}'):
        found = findings(wheel(tmp_path, {"deep_gemm/aot/manifest.json": data}))
        assert found == [("kernels-incomplete", "deep_gemm/aot/manifest.json")]


def test_other_compiler_is_found(tmp_path: Path) -> None:
    found = findings(wheel(tmp_path, {"deep_gemm/aot/compiler.txt": b"another nvcc\n"}))
    assert {rule for rule, _ in found} == {"kernel-stale"}


def test_module_that_does_not_look_for_kernels_is_found(tmp_path: Path) -> None:
    assert ("kernels-unused", EXTENSION) in findings(wheel(tmp_path, {}, module=b"an older DeepGEMM"))
