"""Runs what the hermetic compiler makes: a shared library, static programs, programs with sanitizers."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def test_the_time_of_the_build_is_redacted() -> None:
    ctypes.CDLL(str(HERE / "libanswer.so"), mode=ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(str(HERE / "libprobe.so"))
    library.probe_built.restype = ctypes.c_char_p
    library.probe_number.restype, library.probe_number.argtypes = ctypes.c_double, [ctypes.c_double]
    assert library.probe_built() == b"tests/cc/probe.cc redacted redacted"
    assert library.probe_number(2.0) == 1024.0


def run(name: str) -> subprocess.CompletedProcess:
    return subprocess.run([str(HERE / name)], capture_output=True, text=True, check=False, timeout=60)


def test_new_library_features_work_with_the_old_library() -> None:
    result = run("modern")
    assert (result.returncode, result.stdout) == (0, "synchronized\nprinted 5\nwritten\n"), result.stderr


def test_more_headers() -> None:
    assert run("rare_headers").returncode == 0


@pytest.mark.parametrize("name", ["static", "static_c", "static_feature", "static_pie"])
def test_static_programs_run(name: str) -> None:
    result = run(name)
    assert (result.returncode, result.stdout) == (0, "static\n"), result.stderr


def test_a_program_that_uses_the_static_part_of_libstdcxx_alone() -> None:
    assert run("static_part").returncode == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("overflow_heap", "AddressSanitizer: heap-buffer-overflow"),
        ("overflow_integer", "runtime error: signed integer overflow"),
        ("race", "ThreadSanitizer: data race"),
    ],
)
def test_sanitizers_catch(name: str, message: str) -> None:
    result = run(name)
    assert result.returncode != 0
    assert message in result.stderr
