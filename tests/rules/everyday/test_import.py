"""A py_test imports extensions beside a torch, without a wheel."""

import os
import sysconfig
from pathlib import Path

import everyday
import torch


def test_a_module() -> None:
    assert everyday.sum_of_squares(torch.tensor([1.0, 2.0, 3.0])).item() == 14


def test_a_stable_abi_module_that_includes_torch_h() -> None:
    assert everyday.norm(3, 4) == 5


def test_an_operator_library() -> None:
    assert torch.ops.everyday.sum_of_squares(torch.tensor([3.0, 4.0])).item() == 25


def test_openmp() -> None:
    assert torch.ops.everyday.threads() == 2


def test_operators_of_the_stable_abi() -> None:
    assert torch.ops.everyday_stable.zeros_like(torch.ones(2)).tolist() == [0, 0]


def test_only_the_libraries_of_the_python_in_use_are_there() -> None:
    runfiles = Path(os.environ["TEST_SRCDIR"], os.environ["TEST_WORKSPACE"], "tests/rules/everyday")
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    expected = [f"_C{suffix}", "_operators.so", "_stable.abi3.so", "_stable_operators.so"]
    assert sorted(path.name for path in runfiles.rglob("*.so")) == expected
