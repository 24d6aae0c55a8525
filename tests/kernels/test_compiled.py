"""Compiled kernels have the same bytes in two builds and the right keys; wheel-check reports those with wrong ones."""

from __future__ import annotations

import json
import os
import re
import zipfile
from pathlib import Path

import pytest
from wheel_tools.check import check_wheel
from wheel_tools.kernel_keys import Headers, kernel_key
from wheel_tools.kernel_pack import pack, unpack
from wheel_tools.options import Options

FIRST, SECOND = Path(os.environ["FIRST"]), Path(os.environ["SECOND"])
RECORDED = sorted(Path(os.environ["RECORDED"]).glob("*.*/"))
EXTENSION = "deep_gemm/_C.cpython-312-x86_64-linux-gnu.so"


def include() -> Path:
    first = Path(os.environ["HEADERS"].split()[0])
    return next(parent for parent in first.parents if parent.name == "include")


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def cubins() -> dict[str, bytes]:
    return unpack((FIRST / "kernels.lz").read_bytes())


def test_two_builds_give_the_same_bytes() -> None:
    # The two manifests differ only in the names of the sets.
    first, second = files(FIRST), files(SECOND)
    assert first.pop("manifest.json").replace(b'"first"', b'"second"') == second.pop("manifest.json")
    assert first == second
    assert len(cubins()) >= 2


def test_kernels_name_no_directory() -> None:
    for name, data in {**files(FIRST), **cubins()}.items():
        assert not re.search(rb"external/|bazel-out|execroot|sandbox|/tmp/|tmpxft", data), name


def test_cubins_are_for_the_architecture() -> None:
    for data in cubins().values():
        # e_machine is EM_CUDA (190). The second byte of e_flags is the number of the architecture.
        assert data[:4] == b"\x7fELF"
        assert int.from_bytes(data[18:20], "little") == 190
        assert data[49] == 90


def test_pack_has_every_byte_of_a_compiled_kernel() -> None:
    kernels = {f"{name}.{i}": data[i:] for name, data in cubins().items() for i in range(4)}
    packed = pack(kernels)
    assert unpack(packed) == kernels
    assert len(packed) * 4 < sum(map(len, kernels.values()))
    for broken in (packed[:-1], packed + b"0", packed[: len(packed) // 9], b""):
        with pytest.raises(ValueError):  # noqa: PT011
            unpack(broken)


def test_keys_are_those_of_the_headers() -> None:
    headers = Headers.below(include())
    manifest = json.loads((FIRST / "manifest.json").read_text())
    compiler = (FIRST / "compiler.txt").read_bytes()
    assert compiler.startswith(b"nvcc: NVIDIA (R) Cuda compiler driver\n")
    for name, facts in manifest["kernels"].items():
        assert name.partition(".")[2] == kernel_key(headers, compiler, facts["flags"], facts["source"].encode())


def test_keys_are_those_that_a_gpu_recorded() -> None:
    assert RECORDED
    headers = Headers.below(include())
    for entry in RECORDED:
        facts = json.loads((entry / "entry.json").read_text())
        key = kernel_key(headers, facts["compiler"].encode(), facts["flags"], (entry / "kernel.cu").read_bytes())
        assert entry.name.partition(".")[2] == key


# In a wheel


def wheel(directory: Path, changes: dict[str, bytes | None], module: bytes = b"DG_JIT_AOT_REPORT") -> Path:
    """Returns a wheel with the first set and DeepGEMM's headers. changes: members to replace; None removes."""
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


def test_wheel_with_its_own_headers_is_clean(tmp_path: Path) -> None:
    assert findings(wheel(tmp_path, {})) == []


def test_drifted_header_is_found(tmp_path: Path) -> None:
    changed = (include() / "deep_gemm/common/types.cuh").read_bytes() + b"\n"
    found = findings(wheel(tmp_path, {"deep_gemm/include/deep_gemm/common/types.cuh": changed}))
    assert found
    assert {rule for rule, _ in found} == {"kernel-stale"}


AOT = "deep_gemm/aot"


def repacked(kernel: bytes | None) -> bytes:
    """Returns the pack of the first set with its first kernel replaced, or removed (None)."""
    every = cubins()
    name = min(every)
    return pack({**every, name: kernel} if kernel is not None else {key: every[key] for key in every if key != name})


def edited(**facts: object) -> bytes:
    """Returns the manifest of the first set with other facts of its first kernel."""
    manifest = json.loads((FIRST / "manifest.json").read_text())
    manifest["kernels"][min(manifest["kernels"])].update(facts)
    return json.dumps(manifest).encode()


@pytest.mark.parametrize(
    ("member", "data", "rule", "where"),
    [
        ("manifest.json", edited(source="// another kernel\n"), "kernel-stale", ""),
        ("manifest.json", edited(source=7), "kernels-incomplete", "manifest.json"),
        ("manifest.json", edited(flags="\ud800"), "kernels-incomplete", "manifest.json"),
        ("manifest.json", b"{}", "kernels-incomplete", "manifest.json"),
        ("manifest.json", b"[]", "kernels-incomplete", "manifest.json"),
        ("manifest.json", b"\xff", "kernels-incomplete", "manifest.json"),
        ("manifest.json", b'{"kernels": 7}', "kernels-incomplete", "manifest.json"),
        ("manifest.json", None, "kernels-incomplete", "manifest.json"),
        ("compiler.txt", None, "kernels-incomplete", "compiler.txt"),
        ("kernels.lz", None, "kernels-incomplete", "kernels.lz"),
        ("kernels.lz", repacked(None), "kernels-incomplete", "kernels.lz"),
        ("kernels.lz", repacked(b"\x7fELF and no more"), "kernel-unreadable", ""),
        ("kernels.lz", b"no pack", "kernel-unreadable", "kernels.lz"),
        ("kernel.ptx", b"", "kernel-unknown", "kernel.ptx"),
    ],
)
def test_wrong_file_is_found(tmp_path: Path, member: str, data: bytes | None, rule: str, where: str) -> None:
    found = findings(wheel(tmp_path, {f"{AOT}/{member}": data}))
    assert found == [(rule, f"{AOT}/{where or min(cubins())}")]


def test_other_compiler_is_found(tmp_path: Path) -> None:
    found = findings(wheel(tmp_path, {"deep_gemm/aot/compiler.txt": b"another nvcc\n"}))
    assert {rule for rule, _ in found} == {"kernel-stale"}


def test_module_that_does_not_look_for_kernels_is_found(tmp_path: Path) -> None:
    assert ("kernels-unused", EXTENSION) in findings(wheel(tmp_path, {}, module=b"an older DeepGEMM"))
