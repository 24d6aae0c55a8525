"""deepgemm_wheel: the package is what DeepGEMM's own setup.py makes, with the licences of what is in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from wheel_tools.archive import WheelArchive


@pytest.fixture(scope="module")
def wheel():
    with WheelArchive(Path(os.environ["WHEEL"])) as archive:
        yield archive


def test_one_library_for_each_python(wheel):
    libraries = [name for name in wheel.by_name if name.endswith(".so")]
    assert sorted(libraries) == sorted(f"deep_gemm/_C.{soabi}.so" for soabi in os.environ["PYTHONS"].split())


@pytest.mark.parametrize(
    "name",
    [
        "deep_gemm/__init__.py",
        "deep_gemm/_C.pyi",
        "deep_gemm/csrc/python_api.cpp",
        "deep_gemm/docs/scaling-factor-format.md",
        "deep_gemm/envs.py",
        "deep_gemm/include/cute/config.hpp",
        "deep_gemm/include/cutlass/cutlass.h",
        "deep_gemm/utils/mlopart.py",
    ],
)
def test_files_that_its_own_wheel_has(wheel, name):
    assert name in wheel.by_name


def test_the_headers_that_the_jit_reads(wheel):
    parts = {name.split("/")[2] for name in wheel.by_name if name.startswith("deep_gemm/include/")}
    assert parts == {"cute", "cutlass", "deep_gemm"}


def test_nothing_else(wheel):
    assert {name.split("/")[0] for name in wheel.by_name} == {"deep_gemm", wheel.dist_info}
    assert not [name for name in wheel.by_name if "__pycache__" in name or name.endswith(".pyc")]


def test_licences_and_metadata(wheel):
    assert wheel.metadata["license_expression"] == "MIT AND BSD-3-Clause"
    assert wheel.metadata["license_files"] == ["LICENSE", "third-party/CUTLASS.txt"]
    assert all(f"{wheel.dist_info}/licenses/{name}" in wheel.by_name for name in wheel.metadata["license_files"])
    assert [str(requirement) for requirement in wheel.requires_dist] == ["torch==2.14.0"]
