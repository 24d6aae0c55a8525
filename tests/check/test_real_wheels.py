"""Published wheels, and the verdict of each; docs/wheel-check.md says what it means."""

from __future__ import annotations

import functools
import os
import resource
from pathlib import Path

from wheel_tools.check import check_wheel
from wheel_tools.check_report import Report
from wheel_tools.options import Options

# vLLM's modules are linked with the driver's library: all but DeepGEMM's, whatever its layout.
DRIVER = Options(allowed_libraries=("vllm/*.abi3.so:libcuda.so.1",), strict=True)
DEEP_GEMM = "vllm/third_party/deep_gemm"


def wheel(start: str) -> Path:
    (path,) = (Path(p) for p in os.environ["REAL_WHEELS"].split() if Path(p).name.startswith(start))
    return path


@functools.cache
def checked(start: str) -> Report:
    return check_wheel(wheel(start), DRIVER)


def findings(report: Report) -> list[tuple[str, str]]:
    return [(finding.rule, finding.path) for finding in report.findings]


def test_vllm_0_20_0_misses_four_pythons():
    report = checked("vllm-0.20.0-")
    assert findings(report) == [
        ("wheel-tags", "vllm-0.20.0.dist-info/WHEEL"),
        ("coverage-missing", f"{DEEP_GEMM}/_C.cpython-310-x86_64-linux-gnu.so"),
    ]
    assert report.findings[1].pythons == ("3.10", "3.11", "3.13", "3.14")
    assert report.pythons == ["3.10", "3.11", "3.12", "3.13", "3.14"]


def test_vllm_0_21_0_is_whole_per_python():
    """Its WHEEL file says another platform and build than its name: that is all."""
    report = checked("vllm-0.21.0-")
    assert findings(report) == [
        ("wheel-tags", "vllm-0.21.0.dist-info/WHEEL"),
        ("wheel-build", "vllm-0.21.0.dist-info/WHEEL"),
    ]
    assert report.modules["vllm.third_party.deep_gemm._C"] == "per-python"
    rows = [row for row in report.rows if row.module == "vllm.third_party.deep_gemm._C"]
    assert [(row.python, row.compiled_for, row.verdict) for row in rows] == [
        (python, python, "ok") for python in ("3.10", "3.11", "3.12", "3.13", "3.14")
    ]


def test_vllm_0_33_0_is_whole_as_abi3():
    """Its WHEEL file says another platform than its name: that is all."""
    report = checked("vllm-0.33.0-")
    assert findings(report) == [("wheel-tags", "vllm-0.33.0.dist-info/WHEEL")]
    assert set(report.modules.values()) == {"abi3"}
    assert {row.verdict for row in report.rows} == {"ok"}


def test_driver_library_is_found():
    """Without the exception: ten of vLLM 0.33.0's modules load only where a driver is installed."""
    report = check_wheel(wheel("vllm-0.33.0-"), Options())
    rules = [rule for rule, _ in findings(report)]
    assert (rules.count("portability-library"), rules.count("wheel-tags"), len(rules)) == (10, 1, 11)


def test_tokenspeed_deepgemm_is_clean():
    report = check_wheel(wheel("tokenspeed_deepgemm-"), Options(torch="2.14.0", strict=True))
    assert report.findings == []
    assert [(row.python, row.compiled_for) for row in report.rows] == [("3.11", "3.11")]


def test_sgl_deep_gemm_promises_too_old_a_glibc():
    """No CPython imports its _C.so, so there is nothing to cover; it says manylinux2014 and needs more."""
    report = check_wheel(wheel("sgl_deep_gemm-"), Options(strict=True))
    assert findings(report) == [
        ("wheel-purelib", "sgl_deep_gemm-0.2.5.dist-info/WHEEL"),
        ("portability-cxxabi", "deep_gemm/_C.so"),
        ("portability-glibc", "deep_gemm/_C.so"),
        ("portability-glibcxx", "deep_gemm/_C.so"),
        ("cuda-requirement", "deep_gemm/_C.so"),
    ]
    assert report.modules == {}


def test_memory_stays_below_100_mb():
    child = os.fork()
    if child == 0:
        check_wheel(wheel("vllm-0.33.0-"), DRIVER)
        os._exit(0 if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 100 << 10 else 1)
    assert os.waitpid(child, 0)[1] == 0
