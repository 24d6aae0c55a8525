"""One broken wheel per defect, each made from a small real one; the finding is exact."""

from __future__ import annotations

import struct
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import elf_edit
import pytest
from small_wheel import DIST_INFO, PACKAGE, SmallWheel, compiled, module, path_of, record_line, soabi
from wheel_tools.check import check_wheel
from wheel_tools.check_report import Report, as_text
from wheel_tools.checks.libraries import torch_and_cuda
from wheel_tools.options import Options

OPTIONS = Options(matrix="<3.15,>=3.11", torch="2.14.0", strict=True)
P311, P312 = path_of("3.11"), path_of("3.12")
OPERATORS = "tiny/_ops.so"


@pytest.fixture
def wheel() -> SmallWheel:
    return SmallWheel.of_real_modules()


@pytest.fixture
def check(tmp_path: Path):
    def run(wheel: SmallWheel, options: Options = OPTIONS) -> Report:
        return check_wheel(wheel.write(tmp_path), options)

    return run


def one(report: Report, rule: str, path: str, found: str, required: str = "") -> None:
    """The report has this one finding, and says what was found and what was required."""
    assert [(f.rule, f.path) for f in report.findings] == [(rule, path)]
    assert found in report.findings[0].found
    assert required in report.findings[0].required
    assert report.findings[0].remedy
    assert report.verdict == "findings"


def test_whole(wheel, check):
    report = check(wheel)
    assert report.findings == []
    assert report.exit_code == 0
    assert report.modules == {"tiny.deep_gemm._C": "per-python"}
    assert [(row.python, row.file, row.compiled_for, row.verdict) for row in report.rows] == [
        (python, f"_C.{soabi(python)}.so", python, "ok") for python in wheel.pythons
    ]


# Operator libraries


@pytest.fixture
def operators(wheel) -> SmallWheel:
    """A wheel with one operator library for every CPython."""
    return replace(wheel, files={OPERATORS: compiled("liboperators.ops.so")}, name_tag="py3-none-manylinux_2_28_x86_64")


def test_operator_library(operators, check):
    report = check(operators)
    assert report.findings == []
    assert (report.modules, report.operators) == ({}, [OPERATORS])
    assert f"operator libraries: {OPERATORS}" in as_text(report)
    assert report.as_json()["operators"] == [OPERATORS]


def test_operator_library_without_torch(operators, check):
    operators.requires_dist = ()
    rules = {finding.rule for finding in check(operators, replace(OPTIONS, torch="")).findings}
    # torch's libgomp, too.
    assert rules == {"cuda-requirement", "portability-library"}


def test_operator_library_of_one_python(operators, check):
    operators.files[OPERATORS] = compiled("libof_python.ops.so")
    report = check(operators)
    wrong = [finding for finding in report.findings if finding.rule == "identity-python"]
    assert [(f.path, f.required[:21]) for f in wrong] == [(OPERATORS, f"one compiled for 3.{n}") for n in (13, 14)]
    assert "compiled for CPython 3.8-3.12 (undefined symbol Py_SetStandardStreamEncoding" in wrong[0].found


# Coverage


def test_missing_python(wheel, check):
    del wheel.files[P312]
    one(
        check(wheel),
        "coverage-missing",
        P312,
        "no file of tiny.deep_gemm._C for CPython 3.12",
        "since the wheel's metadata admits 3.12",
    )


def test_wider_requires_python(wheel, check):
    wheel.requires_python = "<3.15,>=3.10"
    one(check(wheel), "requires-python", f"{DIST_INFO}/METADATA", "which admits 3.10", "<3.15,>=3.11")


def test_wider_requires_python_that_the_tags_let_in(wheel, check):
    wheel.requires_python = "<3.15,>=3.10"
    wheel.name_tag = "cp38-abi3-manylinux_2_28_x86_64"
    report = check(wheel, replace(OPTIONS, matrix=""))
    one(report, "coverage-missing", path_of("3.10"), "for CPython 3.10")


def test_no_upper_end(wheel, check):
    wheel.requires_python = ">=3.11"
    wheel.name_tag = "cp311-abi3-manylinux_2_28_x86_64"
    report = check(wheel, replace(OPTIONS, matrix=""))
    assert [f.rule for f in report.findings] == ["coverage-missing", "coverage-open-end"]
    assert report.findings[0].path == path_of("3.15")


def test_narrower_requires_python(wheel, check):
    wheel.requires_python = "<3.15,>=3.12"
    one(check(wheel), "requires-python", f"{DIST_INFO}/METADATA", "which excludes 3.11")


def test_stable_abi(wheel, check):
    wheel.files = {"tiny/stable.abi3.so": module("stable", "3.11")}
    wheel.name_tag = "cp311-abi3-manylinux_2_28_x86_64"
    report = check(wheel)
    assert report.findings == []
    assert report.modules == {"tiny.stable": "abi3"}


def test_stable_abi_too_new(wheel, check):
    wheel.files = {"tiny/stable.abi3.so": module("stable", "3.11")}
    wheel.name_tag = "cp310-abi3-manylinux_2_28_x86_64"
    wheel.requires_python = "<3.15,>=3.10"
    one(
        check(wheel, replace(OPTIONS, matrix="")),
        "coverage-abi3-level",
        "tiny/stable.abi3.so",
        "PyType_GetName, in the stable ABI since 3.11",
        "3.10 has too",
    )


def test_not_stable_abi(wheel, check):
    wheel.files = {"tiny/_C.abi3.so": module("tiny", "3.12")}
    wheel.name_tag = "cp311-abi3-manylinux_2_28_x86_64"
    one(check(wheel), "abi3-symbol", "tiny/_C.abi3.so", "PyInstanceMethod_Type", "only symbols of the stable ABI")


# Identity


@pytest.mark.parametrize(
    ("compiled", "named"), [("3.12", "3.11"), ("3.11", "3.12"), ("3.13", "3.14"), ("3.14", "3.13")]
)
def test_renamed(wheel, check, compiled, named):
    # One byte of padding makes the file differ from the original: the check must not find it only as a copy.
    wheel.files[path_of(named)] = module("tiny", compiled) + b"\0"
    one(
        check(wheel),
        "identity-python",
        path_of(named),
        f"a module compiled for CPython {compiled} (pybind11's version string: {compiled}",
        f"one compiled for {named}",
    )


def test_copied(wheel, check):
    wheel.files[P312] = wheel.files[P311]
    report = check(wheel)
    assert [(f.rule, f.path) for f in report.findings] == [("identity-python", P312), ("identity-same-bytes", P312)]


def test_other_machine(wheel, check):
    wheel.files[P311] = elf_edit.with_machine(wheel.files[P311], 183)
    report = check(wheel)
    assert [(f.rule, f.path) for f in report.findings] == [("elf-machine", P311), ("identity-soabi", P311)]
    assert report.findings[0].found == "an ELF file for aarch64"
    assert "x86_64" in report.findings[0].required


def test_truncated_elf(wheel, check):
    wheel.files[P311] = wheel.files[P311][: len(wheel.files[P311]) // 2]
    one(check(wheel), "elf-unreadable", P311, "truncated", "an ELF shared object")


def test_text_named_so(wheel, check):
    wheel.files[P311] = b"version https://git-lfs.github.com/spec/v1\n"
    one(check(wheel), "elf-unreadable", P311, "no ELF file (it begins with 'version http')")


def test_no_init(wheel, check):
    for python in wheel.pythons:
        wheel.files[f"tiny/other.{soabi(python)}.so"] = module("tiny", python)
    report = check(wheel)
    assert {(f.rule, f.path) for f in report.findings} == {
        ("elf-no-init", f"tiny/other.{soabi(python)}.so") for python in wheel.pythons
    }
    assert report.findings[0].found == "no exported PyInit_other; there is PyInit__C"


def test_free_threaded_name(wheel, check):
    threaded = f"{PACKAGE}/_C.cpython-313t-x86_64-linux-gnu.so"
    wheel.files[threaded] = wheel.files.pop(path_of("3.13"))
    report = check(wheel)
    assert [(f.rule, f.path) for f in report.findings] == [
        ("coverage-missing", path_of("3.13")),
        ("identity-free-threaded", threaded),
        ("identity-free-threaded", threaded),
    ]
    assert report.findings[1].found.endswith("cpython-313t-x86_64-linux-gnu")
    assert report.findings[2].found == "a module compiled for an ordinary CPython"


def test_debug_name(wheel, check):
    debug = f"{PACKAGE}/_C.cpython-313d-x86_64-linux-gnu.so"
    wheel.files[debug] = wheel.files.pop(path_of("3.13"))
    report = check(wheel)
    assert [(f.rule, f.path) for f in report.findings] == [
        ("coverage-missing", path_of("3.13")),
        ("identity-debug", debug),
    ]


@pytest.mark.parametrize("tag", ["cpython-311", "cpython-311-aarch64-linux-gnu", "pypy311-pp73-x86_64-linux-gnu"])
def test_soabi_of_no_python(wheel, check, tag):
    path = f"{PACKAGE}/_C.{tag}.so"
    wheel.files[path] = wheel.files.pop(P311)
    report = check(wheel)
    assert ("identity-soabi", path) in [(f.rule, f.path) for f in report.findings]


# Portability


def test_new_glibc(wheel, check):
    old = max(elf_edit.versions(wheel.files[P311], "GLIBC"), key=len)
    new = "GLIBC_2.39"[: len(old)]
    wheel.files[P311] = elf_edit.with_string(wheel.files[P311], old, new)
    one(check(wheel), "portability-glibc", P311, new, "at most GLIBC_2.28, as manylinux_2_28")


def test_new_glibcxx(wheel, check):
    old = max(elf_edit.versions(wheel.files[P311], "GLIBCXX"), key=len)
    new = "GLIBCXX_3.4.30"[: len(old)]
    wheel.files[P311] = elf_edit.with_string(wheel.files[P311], old, new)
    one(check(wheel), "portability-glibcxx", P311, new, "at most GLIBCXX_3.4.2")


@pytest.mark.parametrize(
    ("library", "rule"),
    [
        ("libcuda.so.1", "portability-library"),
        ("libdw.so.1", "portability-library"),
        ("libpython3.so", "portability-libpython"),
    ],
)
def test_needed(wheel, check, library, rule):
    wheel.files[P311] = _needing(wheel.files[P311], library)
    one(check(wheel), rule, P311, f"DT_NEEDED {library}")


def test_allowed_library(wheel, check):
    wheel.files[P311] = _needing(wheel.files[P311], "libdw.so.1")
    for allowed in ("libdw.so.1", f"{PACKAGE}/*.so:libdw.so.1"):
        assert check(wheel, replace(OPTIONS, allowed_libraries=(allowed,))).findings == []
    one(
        check(wheel, replace(OPTIONS, allowed_libraries=("other/*:libdw.so.1",))),
        "portability-library",
        P311,
        "libdw.so.1",
    )


def test_torch_and_cuda_libraries(wheel, check):
    wheel.files[P311] = _needing(wheel.files[P311], "libtorch.so")
    assert check(wheel).findings == []
    for library in ("libtorch_cuda.so", "libc10.so", "libcudart.so.13", "libcublas.so.13", "libnvrtc.so.13"):
        assert torch_and_cuda(library)
    for library in ("libcuda.so.1", "libtorchvision.so", "libc10.so.1x", "libcudart.so.13.a"):
        assert not torch_and_cuda(library)


def test_openmp_comes_with_torch(wheel, check):
    wheel.files[P311] = _needing(wheel.files[P311], "libgomp.so.1")
    assert check(wheel).findings == []
    # The modules need no library of torch.
    wheel.requires_dist = ()
    one(check(wheel, replace(OPTIONS, torch="")), "portability-library", P311, "DT_NEEDED libgomp.so.1")


def _needing(data: bytes, library: str) -> bytes:
    """The module with its need of libstdc++ turned into one of another library."""
    return elf_edit.with_string(data, "libstdc++.so.6", library)


@pytest.mark.parametrize("path", ["/opt/lib", "lib", ".", "/_solib_k8", "$ORIGINAL/x"])
@pytest.mark.parametrize("tag", ["DT_RPATH", "DT_RUNPATH"])
def test_rpath(wheel, check, tag, path):
    wheel.files[P311] = elf_edit.with_tag(wheel.files[P311], "DT_NEEDED", tag, path)
    one(check(wheel), "portability-rpath", P311, f"the library search path {path!r}")


def test_rpath_entries_are_judged_one_by_one(wheel, check):
    wheel.files[P311] = elf_edit.with_tag(wheel.files[P311], "DT_NEEDED", "DT_RUNPATH", "$ORIGIN:/opt")
    one(check(wheel), "portability-rpath", P311, "'/opt'")


def test_several_rpath_entries_are_one_finding(wheel, check):
    wheel.files[P311] = elf_edit.with_tag(wheel.files[P311], "DT_NEEDED", "DT_RUNPATH", "/a:$ORIGIN:/b")
    one(check(wheel), "portability-rpath", P311, "'/a' and 1 more")


def test_absolute_rpath_is_quoted(wheel, check):
    wheel.files[P311] = elf_edit.with_tag(wheel.files[P311], "DT_NEEDED", "DT_RUNPATH", "/opt/lib")
    one(check(wheel), "portability-rpath", P311, "'/opt/lib'", "begins with $ORIGIN")


def test_origin_rpath_is_fine(wheel, check):
    wheel.files[P311] = elf_edit.with_tag(wheel.files[P311], "DT_NEEDED", "DT_RUNPATH", "$ORIGIN/x")
    assert check(wheel).findings == []


def test_executable_stack(wheel, check):
    wheel.files[P311] = elf_edit.with_executable_stack(wheel.files[P311])
    one(check(wheel), "portability-execstack", P311, "an executable stack")


def test_text_relocations(wheel, check):
    wheel.files[P311] = elf_edit.with_tag(wheel.files[P311], "DT_RELACOUNT", "DT_TEXTREL")
    one(check(wheel), "portability-textrel", P311, "text relocations")


# The archive and RECORD


def test_record_wrong_hash(wheel, check):
    path = f"{PACKAGE}/__init__.py"
    wheel.edit_record = [
        lambda lines: [record_line(path, b"other bytes here\n") if line.startswith(path) else line for line in lines]
    ]
    one(check(wheel), "record-hash", path, "sha256=", "as RECORD says")


def test_record_wrong_size(wheel, check):
    path = f"{PACKAGE}/__init__.py"
    wheel.edit_record = [
        lambda lines: [line.rpartition(",")[0] + ",5" if line.startswith(path) else line for line in lines]
    ]
    one(check(wheel), "record-size", path, "17 bytes", "5, as RECORD says")


def test_record_missing_member(wheel, check):
    path = f"{PACKAGE}/__init__.py"
    wheel.edit_record = [lambda lines: [line for line in lines if not line.startswith(path)]]
    one(check(wheel), "record-missing", path, "a member that RECORD does not list")


def test_record_extra_line(wheel, check):
    wheel.edit_record = [lambda lines: [*lines, record_line("tiny/gone.py", b"")]]
    one(check(wheel), "record-extra", "tiny/gone.py", "a line of RECORD without a member")


def test_record_unreadable(wheel, check):
    wheel.edit_record = [lambda lines: [*lines, "one,two"]]
    report = check(wheel)
    assert [f.rule for f in report.findings] == ["record-unreadable"]


def test_duplicate_member(wheel, check):
    path = f"{PACKAGE}/__init__.py"
    wheel.extra_members = [(path, wheel.files[path])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        one(check(wheel), "member-duplicate", path, "two members of one name")


@pytest.mark.parametrize("name", ["../climbing.py", "/absolute.py", "a/../../b.py", "a\\b.py", "C:/x.py", "a//b.py"])
def test_member_name(wheel, check, name):
    wheel.extra_members = [(name, b"")]
    wheel.edit_record = [lambda lines: [*lines, record_line(name, b"")]]
    one(check(wheel), "member-name", name, "absolute, climbs out", "a relative path")


def test_link_member(wheel, tmp_path):
    path = wheel.write(tmp_path)
    info = zipfile.ZipInfo("tiny/link.py")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(info, b"/etc/passwd")
    report = check_wheel(path, OPTIONS)
    assert ("member-type", "tiny/link.py") in [(f.rule, f.path) for f in report.findings]


# Names and metadata


def test_tag_differs(wheel, check):
    wheel.wheel_tags = ("cp38-abi3-linux_x86_64",)
    one(check(wheel), "wheel-tags", f"{DIST_INFO}/WHEEL", "cp38-abi3-linux_x86_64", "as the file name says")


def test_torch_pin_excludes(wheel, check):
    wheel.requires_dist = ("torch==2.11.0",)
    one(
        check(wheel),
        "requires-torch",
        f"{DIST_INFO}/METADATA",
        "Requires-Dist: torch==2.11.0, on CPython 3.11-3.14",
        "admits torch 2.14.0",
    )


def test_torch_pin_for_some_pythons(wheel, check):
    wheel.requires_dist = ('torch==2.14.0; python_version < "3.14"',)
    one(check(wheel), "requires-torch", f"{DIST_INFO}/METADATA", "no Requires-Dist for torch, on CPython 3.14")


def test_renamed_wheel(wheel, tmp_path):
    path = wheel.write(tmp_path)
    other = path.with_name(path.name.replace("tiny-1.0", "Tiny.Wheel-1.1"))
    path.rename(other)
    rules = [f.rule for f in check_wheel(other, OPTIONS).findings]
    assert rules == ["wheel-name", "metadata", "metadata", "dist-info"]


# DeepGEMM


def test_jit_header_missing(wheel, check):
    path = f"{PACKAGE}/include/cute/tensor.hpp"
    del wheel.files[path]
    one(check(wheel), "jit-header-missing", path, "math.cuh includes it")


def test_jit_headers_of_the_source(wheel, check):
    names = {
        "deep_gemm/impls/tiny.cuh": "sha256=changed",
        "deep_gemm/common/math.cuh": None,
        "deep_gemm/common/types.cuh": None,
        "cute/tensor.hpp": None,
        "cute/gone.hpp": "x",
    }
    whole = check(wheel).findings
    assert whole == []
    digests = {
        name: digest or record_line("", wheel.files[f"{PACKAGE}/include/{name}"]).split(",")[1]
        for name, digest in names.items()
    }
    report = check(wheel, replace(OPTIONS, jit_headers=digests))
    assert [(f.rule, f.path.rpartition("include/")[2]) for f in report.findings] == [
        ("jit-header-missing", "cute/gone.hpp"),
        ("layout-leftover", "cutlass/cutlass.h"),
        ("jit-header-changed", "deep_gemm/impls/tiny.cuh"),
    ]


def test_old_extension_left(wheel, check):
    path = f"{PACKAGE}/_C_extension.abi3.so"
    wheel.files[path] = elf_edit.with_string(module("stable", "3.11"), "PyInit_stable", "PyInit_x")
    report = check(wheel)
    assert {(f.rule, f.path) for f in report.findings} == {("layout-leftover", path), ("elf-no-init", path)}


def test_old_python_module_left(wheel, check):
    wheel.files[f"{PACKAGE}/_C.py"] = b""
    one(check(wheel), "layout-leftover", f"{PACKAGE}/_C.py", "a module that _C's extension shadows")


# What is no wheel


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b"<html>404</html>", "not a zip archive"),
        (b"PK\3\4" + bytes(40), "without its end"),
    ],
)
def test_not_a_wheel(tmp_path, content, found):
    path = tmp_path / "tiny-1.0-py3-none-any.whl"
    path.write_bytes(content)
    report = check_wheel(path, OPTIONS)
    assert (report.verdict, report.exit_code) == ("unreadable", 2)
    assert [f.rule for f in report.findings] == ["unreadable"]
    assert found in report.findings[0].found


def test_truncated_zip(wheel, tmp_path):
    path = wheel.write(tmp_path)
    path.write_bytes(path.read_bytes()[:-2000])
    report = check_wheel(path, OPTIONS)
    assert (report.verdict, report.findings[0].rule) == ("unreadable", "unreadable")
    assert "without its end" in report.findings[0].found


def test_zip_bomb(wheel, check):
    wheel.files["tiny/zeros.bin"] = bytes(64 << 20)
    report = check(wheel)
    assert (report.verdict, report.exit_code) == ("unreadable", 2)
    assert [f.rule for f in report.findings] == ["zip-bomb"]
    assert "bytes compressed to" in report.findings[0].found


def test_zip_bomb_that_lies_about_its_size(wheel, tmp_path):
    """The directory says 1 MB; no more is ever decompressed."""
    wheel.files["tiny/zeros.bin"] = bytes(64 << 20)
    path = wheel.write(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 64 << 20), struct.pack("<I", 1 << 20)))
    report = check_wheel(path, OPTIONS)
    assert ("member-unreadable", "tiny/zeros.bin") in [(f.rule, f.path) for f in report.findings]


def test_overlapping_members(wheel, tmp_path):
    """Two members that share their data: how small bombs without a high ratio are made."""
    path = wheel.write(tmp_path)
    with zipfile.ZipFile(path) as archive:
        first, second = archive.infolist()[:2]
    data = path.read_bytes()
    at = data.index(b"PK\1\2")
    at = data.index(b"PK\1\2", at + 4)
    assert struct.unpack_from("<I", data, at + 42)[0] == second.header_offset
    path.write_bytes(data[: at + 42] + struct.pack("<I", first.header_offset) + data[at + 46 :])
    report = check_wheel(path, OPTIONS)
    assert [f.rule for f in report.findings] == ["zip-bomb"]
    assert "overlaps" in report.findings[0].found


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_compression_method(wheel, tmp_path, method):
    path = wheel.write(tmp_path)
    with zipfile.ZipFile(path, "a", method) as archive:
        archive.writestr("tiny/x.bin", b"x" * 99)
    report = check_wheel(path, OPTIONS)
    assert [(f.rule, f.path) for f in report.findings] == [("zip-method", "tiny/x.bin")]
