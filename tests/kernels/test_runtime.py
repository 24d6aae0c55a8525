"""DeepJIT's runtime with and without the patched header that finds kernels; the key of kernel_keys.py."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from kernel_tools.lists import read
from wheel_tools.kernel_keys import Headers, kernel_key
from wheel_tools.kernel_pack import pack

FLAGS = (
    "--gpu-architecture=sm_90a -O3 --compiler-options=-O3 --ptxas-options=--register-usage-level=10 -std=c++20 "
    "--compiler-options=-fPIC --compiler-options=-fconcepts --expt-relaxed-constexpr --expt-extended-lambda "
    "--diag-suppress=39,161,174,177,186,940 --compiler-options=-Wno-deprecated-declarations,-Wno-abi"
)
SOURCE = """
#include <deep_gemm/impls/sm90_fp8_gemm_1d2d.cuh>

using namespace deep_gemm;

static void __instantiate_kernel() {
    auto ptr = reinterpret_cast<void*>(&sm90_fp8_gemm_1d2d_impl<
        cute::UMMA::Major::K,
        0, 2112, 7168,
        1
    >);
};
"""
TAG = "sm90_fp8_gemm_1d2d"
SHIPPED, LOCAL = "nvcc of the wheel\n", "nvcc of the machine\n"
# Runs, repetitions, a kernel that extends another: what a pack may copy from where. One is longer than a buffer.
OTHERS = {
    "a.0": bytes(100_000),
    "b.0": bytes(range(256)) * 300,
    "m.0": b"",
    "z.0": bytes(range(256)) * 299 + b"compiled ahead of time" * 9,
}


class Machine:
    """A package with DeepGEMM's real headers, a kernel cache, and the text of an nvcc that a test may hide."""

    def __init__(self, directory: Path) -> None:
        self.package, self.cache, self.report = directory / "deep_gemm", directory / "cache", directory / "misses.jsonl"
        first = Path(os.environ["HEADERS"].split()[0])
        root = next(parent for parent in first.parents if parent.name == "include")
        # DeepGEMM's own headers: the key covers no others.
        shutil.copytree(root / "deep_gemm", self.package / "include" / "deep_gemm")
        (self.package / "include" / "cutlass").mkdir()
        shutil.copyfile(root / "cutlass" / "version.h", self.package / "include" / "cutlass" / "version.h")
        self.temporary = directory / "tmp"
        self.temporary.mkdir()
        self.source = directory / "source.cu"
        self.source.write_text(SOURCE)
        self.nvcc = directory / "nvcc.txt"
        self.nvcc.write_text(LOCAL)
        self.headers = Headers.below(self.package / "include")

    def key(self, compiler: str) -> str:
        return kernel_key(self.headers, compiler.encode(), FLAGS, SOURCE.encode())

    def ship(self, key: str | None = None) -> str:
        """Adds the kernel and others to the package, under `key`. Default: the right key. Returns its name."""
        name = f"{TAG}.{key or self.key(SHIPPED)}"
        (self.package / "aot").mkdir()
        (self.package / "aot" / "kernels.lz").write_bytes(pack({**OTHERS, name: b"compiled ahead of time"}))
        (self.package / "aot" / "compiler.txt").write_text(SHIPPED)
        return name

    def run(self, probe: str = "WITH_OVERLAY", *, nvcc: bool = True, **environment: str) -> tuple[str, str]:
        """Runs the probe and returns ("kernel", path) or ("error", text). With the overlay, it prints the SMs first."""
        environment = {"DG_JIT_CACHE_DIR": str(self.cache), "TMPDIR": str(self.temporary), **environment}
        if nvcc:
            environment["MOCK_NVCC"] = str(self.nvcc)
        command = [os.path.abspath(os.environ[probe]), str(self.package), TAG, str(self.source)]
        lines = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
        if probe == "WITH_OVERLAY":
            assert lines[0] == "sms 132"
        assert not any(self.temporary.iterdir())
        self.cubin = next((line.removeprefix("cubin ") for line in lines if line.startswith("cubin ")), None)
        kind, _, text = lines[-1].partition(" ")
        return kind, text


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_key_is_the_one_that_deepjit_computes(machine: Machine) -> None:
    assert machine.run("WITHOUT_OVERLAY") == ("kernel", str(machine.cache / "cache" / f"{TAG}.{machine.key(LOCAL)}"))


def test_key_covers_every_header_that_is_included(machine: Machine) -> None:
    before = machine.key(LOCAL)
    header = machine.package / "include/deep_gemm/common/types.cuh"
    header.write_text(header.read_text() + "\n")
    machine.headers = Headers.below(machine.package / "include")
    assert machine.key(LOCAL) != before
    assert machine.run("WITHOUT_OVERLAY")[1].endswith(machine.key(LOCAL))


def test_without_kernels_in_the_package_nothing_changes(machine: Machine) -> None:
    assert machine.run() == ("kernel", str(machine.cache / "cache" / f"{TAG}.{machine.key(LOCAL)}"))
    assert (machine.cache / "cache" / f"{TAG}.{machine.key(LOCAL)}" / "kernel.cubin").read_text() == "compiled here"


@pytest.mark.parametrize("nvcc", [True, False])
def test_hit(machine: Machine, nvcc: bool) -> None:
    name = machine.ship()
    kind, path = machine.run(nvcc=nvcc, DG_JIT_AOT_REPORT=str(machine.report))
    assert (kind, Path(path).name, machine.cubin) == ("kernel", name, "compiled ahead of time")
    assert Path(path).parent.parent == machine.temporary
    assert not machine.report.exists()
    assert not machine.cache.exists()


def test_deepjit_itself_needs_nvcc_even_for_the_number_of_sms(machine: Machine) -> None:
    machine.ship()
    kind, text = machine.run("WITHOUT_OVERLAY", nvcc=False)
    assert (kind, "there is no nvcc" in text) == ("error", True)


@pytest.mark.parametrize("kernels", [True, False])
def test_miss_without_nvcc_names_the_kernel_and_the_way_on(machine: Machine, kernels: bool) -> None:
    if kernels:
        machine.ship("0" * 32)
    kind, text = machine.run(nvcc=False, DG_JIT_AOT_REPORT=str(machine.report))
    assert kind == "error"
    for words in (
        TAG,
        "sm90_fp8_gemm_1d2d_impl<cute::UMMA::Major::K, 0, 2112, 7168, 1>",
        "there is no nvcc",
        "DG_JIT_AOT_REPORT=FILE",
        "deepgemm_kernels(recorded",
    ):
        assert words in text
    (kernel,) = read(machine.report).kernels
    assert (kernel.tag, kernel.flags, kernel.source) == (TAG, FLAGS, SOURCE)


def test_miss_with_nvcc_compiles_as_before_and_is_found_again(machine: Machine) -> None:
    machine.ship("0" * 32)
    expected = ("kernel", str(machine.cache / "cache" / f"{TAG}.{machine.key(LOCAL)}"))
    for _ in range(2):
        assert machine.run(DG_JIT_AOT_REPORT=str(machine.report)) == expected
    # Each of the two processes has appended one line.
    assert len(read(machine.report).kernels) == 2
    # Unpatched DeepJIT finds the entry that the patched runtime compiled.
    assert machine.run("WITHOUT_OVERLAY") == expected


def test_drifted_header_is_a_miss(machine: Machine) -> None:
    machine.ship()
    header = machine.package / "include/deep_gemm/impls/sm90_fp8_gemm_1d2d.cuh"
    header.write_text("// edited\n" + header.read_text())
    assert machine.run(nvcc=False)[0] == "error"


def test_no_room_for_the_kernel_is_an_error(machine: Machine) -> None:
    name = machine.ship()
    kind, text = machine.run(TMPDIR=str(machine.source))
    assert kind == "error"
    assert f"{name}: Not a directory; set TMPDIR to a directory with room for it" in text


@pytest.mark.parametrize("size", [0, 1, 2, 100, -1])
def test_broken_pack_is_an_error(machine: Machine, size: int) -> None:
    machine.ship()
    file = machine.package / "aot" / "kernels.lz"
    file.write_bytes(file.read_bytes()[:size])
    kind, text = machine.run()
    assert kind == "error"
    assert text.startswith(f"{file} is no file of kernels")


def test_turned_off(machine: Machine) -> None:
    machine.ship()
    assert machine.run(DG_JIT_AOT="0")[1].startswith(str(machine.cache))
    assert machine.run(DG_JIT_AOT="0", nvcc=False)[0] == "error"


def test_report_that_cannot_be_written_is_an_error(machine: Machine) -> None:
    kind, text = machine.run(DG_JIT_AOT_REPORT=str(machine.source / "misses"))
    assert kind == "error"
    assert text.startswith("DG_JIT_AOT_REPORT: cannot append to")
