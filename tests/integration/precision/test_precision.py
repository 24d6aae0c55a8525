"""Exactly the right actions run after an edit, on the real sources: DeepGEMM, CUTLASS, torch, CUDA, Python, libstdc++.

Each test starts from everything built, edits one file and asserts from Bazel's execution log which actions ran. Where
the compiler reads the edited header, the edit is an `#error`: the compiler reports it and stops within seconds, which
proves both that the action ran and that the compiler read this header.
"""

from __future__ import annotations

import pytest
from bazel_in_bazel import Run, scratch_directory
from project import (
    DEEPGEMM_WHEEL,
    EXTENSION,
    MATRIX,
    PRODUCTS,
    PYTHONS,
    WIDER_MATRIX,
    Project,
    compiled,
    ran,
)

ONE = f"{EXTENSION}.cp312"
CSRC, DEVICE, CUTLASS = "source/csrc", "source/deep_gemm/include/deep_gemm", "source/third-party/cutlass/include"
TORCH, CUDA, GCC = "deepgemm_torch_x86_64/torch/include", "deepgemm_torch_x86_64/cuda/include", "deepgemm_gcc"
LIBSTDCXX, SYSROOT = f"{GCC}/gcc/usr/include/c++/14", f"{GCC}/sysroot/usr/include"
PYCONFIG = "deepgemm_python_3_12/include/python3.12/pyconfig.h"
READ = [
    f"{CSRC}/utils/exception.hpp",
    f"{CUTLASS}/cutlass/arch/config.h",
    f"{TORCH}/c10/macros/Macros.h",
    f"{TORCH}/pybind11/pybind11.h",
    f"{CUDA}/cuda_runtime_api.h",
    f"{LIBSTDCXX}/vector",
    f"{SYSROOT}/stdio.h",
]
# Changes every object file that includes it and, by `retain`, the linked library.
OBJECT_CHANGE = """\
#if defined(__cplusplus) && !defined(EDITED)
#define EDITED
[[gnu::used, gnu::retain]] static int edited = 1;
#endif"""
# The mnemonic of the validation actions of an extension module.
CHECK = "ExtensionModuleCheck"
WHEELS_ONLY = {"ExtensionWheel": ["deep_gemm_wheel"], "WheelOverlay": ["vllm_wheel"]}


@pytest.fixture(scope="module")
def project() -> Project:
    made = Project(scratch_directory() / "precision")
    yield made
    made.bazel.shutdown()


def build(project: Project, *targets: str, status: int = 0) -> Run:
    return project.bazel.build(*(targets or PRODUCTS), status=status)


def test_nothing_edited(project: Project) -> None:
    project.settle()
    run = build(project)
    assert run.spawns == ()
    # Bazel's own action, which records the time of the build.
    assert "1 process: 1 internal." in run.output


def test_every_python_is_compiled_once(project: Project) -> None:
    assert tuple(compiled(project.first)) == PYTHONS


@pytest.mark.parametrize("header", READ)
def test_header_that_is_read(project: Project, header: str) -> None:
    for tag in PYTHONS:
        assert project.in_execution_root(header) in project.read[tag]
    with project.edited(header, "#error edited", first=True):
        run = build(project, EXTENSION, status=1)
    assert tuple(compiled(run)) == PYTHONS
    assert run.output.count("error: #error edited") == len(PYTHONS)
    assert set(ran(run)) == {"CppCompile"}


@pytest.mark.parametrize("directory", [f"{TORCH}/torch", f"{TORCH}/pybind11", CUDA])
def test_header_of_others_that_is_not_read(project: Project, directory: str) -> None:
    with project.edited(project.unread_header(directory), "#error edited", first=True):
        run = build(project)
    assert ran(run) == {}


@pytest.mark.parametrize("directory", [LIBSTDCXX, SYSROOT])
def test_header_of_the_compiler_that_is_not_read(project: Project, directory: str) -> None:
    with project.edited(project.unread_header(directory), "#error edited", first=True):
        run = build(project)
    # Bazel treats the toolchain's files as one input of the compile. The outputs stay the same, so nothing else runs.
    assert ran(run) == {"CppCompile": [f"deep_gemm_C.{tag}" for tag in PYTHONS]}


@pytest.mark.parametrize("directory", [f"{CSRC}/utils", DEVICE, f"{CUTLASS}/cutlass"])
def test_header_of_deepgemm_that_is_not_read(project: Project, directory: str) -> None:
    with project.edited(project.unread_header(directory), "#error edited", first=True):
        run = build(project)
    actions = ran(run)
    if directory.startswith(CSRC):
        # The stub is generated from all of csrc; its bytes stay the same.
        assert actions.pop("DeepGemmStub")
    # The wheel ships all three kinds of header.
    assert actions == WHEELS_ONLY


def test_source_edited(project: Project) -> None:
    with project.edited(f"{CSRC}/python_api.cpp", OBJECT_CHANGE):
        run = build(project)
    everything = {mnemonic: targets for mnemonic, targets in ran(run).items() if mnemonic != "DeepGemmStub"}
    libraries = [f"deep_gemm_C.{tag}" for tag in PYTHONS]
    checks = ["deep_gemm_C"] * len(PYTHONS)
    assert everything == {"CppCompile": libraries, "CppLink": libraries, CHECK: checks, **WHEELS_ONLY}


def test_pyconfig_of_one_python(project: Project) -> None:
    with project.edited(PYCONFIG, OBJECT_CHANGE):
        run = build(project)
    library = ["deep_gemm_C.cp312"]
    assert ran(run) == {"CppCompile": library, "CppLink": library, CHECK: ["deep_gemm_C"], **WHEELS_ONLY}


def test_comment(project: Project) -> None:
    with project.edited(f"{TORCH}/c10/macros/Macros.h", "// A comment changes no object file."):
        run = build(project)
    assert ran(run) == {"CppCompile": [f"deep_gemm_C.{tag}" for tag in PYTHONS]}


@pytest.mark.parametrize(
    ("name", "text"),
    [("source/deep_gemm/__init__.py", "# edited"), (f"{DEVICE}/impls/sm90_bf16_gemm.cuh", "// edited")],
)
def test_python_file_or_jit_header(project: Project, name: str, text: str) -> None:
    with project.edited(name, text):
        run = build(project)
    assert ran(run) == WHEELS_ONLY


def test_metadata_of_the_base_wheel(project: Project) -> None:
    project.settle()
    project.write_base_wheel("\nEdited.\n")
    run = build(project)
    project.write_base_wheel("")
    assert ran(run) == {"WheelOverlay": ["vllm_wheel"]}


def test_version_label(project: Project) -> None:
    project.settle()
    text = (project.workspace.root / "BUILD.bazel").read_text(encoding="utf-8")
    project.workspace.edit("BUILD.bazel", 'name = "vllm_wheel",', 'name = "vllm_wheel",\n    local_version = "edited",')
    run = build(project)
    project.workspace.write("BUILD.bazel", text)
    assert ran(run) == {"WheelOverlay": ["vllm_wheel"]}


def test_python_added_and_taken_away(project: Project) -> None:
    project.settle()
    project.matrix(WIDER_MATRIX)
    # The base wheel admits no third CPython, so build only DeepGEMM's wheel.
    added = build(project, DEEPGEMM_WHEEL)
    project.matrix(MATRIX)
    taken = build(project, DEEPGEMM_WHEEL)
    wheel = {"ExtensionWheel": ["deep_gemm_wheel"]}
    library = ["deep_gemm_C.cp314"]
    assert ran(added) == {"CppCompile": library, "CppLink": library, CHECK: ["deep_gemm_C"], **wheel}
    assert not compiled(taken)
    assert set(ran(taken)) <= set(wheel)


def test_one_python_alone(project: Project) -> None:
    project.settle()
    # The edit affects both CPythons; the build requests one.
    with project.edited(f"{CSRC}/utils/exception.hpp", "#error edited", first=True):
        run = build(project, ONE, status=1)
    assert ran(run) == {"CppCompile": ["deep_gemm_C.cp312"]}
    graph = project.bazel.text("cquery", f"deps({ONE})", "--output=label")
    assert "deepgemm_python_3_12" in graph
    assert "deepgemm_python_3_13" not in graph


@pytest.mark.parametrize("where", ["beside the source", "at the workspace's root"])
def test_undeclared_header(project: Project, where: str) -> None:
    name = "../undeclared/undeclared.hpp" if where == "beside the source" else "undeclared.hpp"
    project.workspace.write("undeclared.hpp", "#pragma once\n")
    with project.edited(f"{CSRC}/python_api.cpp", f'#include "{name}"', first=True):
        run = build(project, ONE, status=1)
    assert f"{name}: No such file or directory" in run.output


def test_undeclared_header_by_its_absolute_path(project: Project) -> None:
    header = project.source / "undeclared/undeclared.hpp"
    with project.edited(f"{CSRC}/python_api.cpp", f'#include "{header}"', first=True):
        run = build(project, ONE, status=1)
    # The sandbox does not hide the header; Bazel finds it in the compiler's dependency file.
    assert f"undeclared inclusion(s) in rule '{ONE}'" in run.output or "absolute path inclusion(s) found" in run.output
    assert str(header) in run.output
