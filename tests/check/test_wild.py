"""Kinds of wheels that other projects publish: clean ones are clean, and broken ones have one exact finding."""

from __future__ import annotations

import base64
import hashlib
import sys
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import elf_edit
import make_elf
import pytest
from make_elf import make_elf as elf
from small_wheel import DIST_INFO, SmallWheel, record_line
from small_wheel import module as compiled
from wheel_tools.check import check_wheel, main
from wheel_tools.check_report import Report, as_text
from wheel_tools.elf import ElfReader
from wheel_tools.findings import RULES
from wheel_tools.options import Options
from wheel_tools.policies import policy_for
from wheel_tools.soabi import soabi, suffixes
from wheel_tools.tags import parse_platform

LINUX = "manylinux_2_28_x86_64"
GNU = "x86_64-linux-gnu"


def check(tmp_path: Path, tag: str, files: dict[str, bytes], *, strict: bool = False, **fields) -> Report:
    """Checks a wheel with these files; Requires-Python is that of the tags unless it is given."""
    fields.setdefault("requires_dist", ())
    fields.setdefault("requires_python", ">=3.8,<3.16")
    wheel = SmallWheel(files, name_tag=tag, **fields)
    return check_wheel(wheel.write(tmp_path), Options(strict=strict))


def found(report: Report) -> list[tuple[str, str]]:
    return [(finding.rule, finding.path) for finding in report.findings]


def cp(minor: int, flags: str = "", platform: str = LINUX) -> str:
    return f"cp3{minor}-cp3{minor}{flags}-{platform}"


def named(module: str, minor: int, triplet: str = GNU, flags: str = "") -> str:
    return f"{module}.{soabi(minor, triplet, flags)}.so"


# Clean wheels


@pytest.mark.parametrize("minor", [13, 14])
def test_a_module_without_evidence_is_unproven(tmp_path, minor):
    """Rust's PyO3 compiles a reference count of 1 in for every CPython, as C does up to 3.12."""
    files = {named("pkg/plain", minor): compiled("plain", "3.12")}
    report = check(tmp_path, cp(minor), files)
    assert report.findings == []
    assert [f.rule for f in report.unproven] == ["identity-unproven"]
    assert [row.verdict for row in report.rows] == ["unproven"]
    assert "not proven" in as_text(report)
    assert found(check(tmp_path, cp(minor), files, strict=True)) == [("identity-unproven", named("pkg/plain", minor))]


@pytest.mark.parametrize(
    ("platform", "machine", "library"),
    [
        ("musllinux_1_2_x86_64", "x86_64", "libc.musl-x86_64.so.1"),
        ("musllinux_1_2_x86_64", "x86_64", "libc.so"),
        ("musllinux_1_1_i686", "i686", "libc.musl-x86.so.1"),
        ("musllinux_1_9_aarch64", "aarch64", "libc.musl-aarch64.so.1"),
    ],
)
def test_musllinux(tmp_path, platform, machine, library):
    triplet = {"i686": "i386"}.get(machine, machine) + "-linux-musl"
    files = {named("mod", 12, triplet): make_elf.module("mod", machine, needed=[library])}
    assert check(tmp_path, cp(12, platform=platform), files).findings == []


def test_musl_triplets(tmp_path):
    """CPython on musl names glibc's triplet up to 3.10, and its own since 3.11."""
    module = make_elf.module("mod", needed=["libc.musl-x86_64.so.1"])
    musl = "musllinux_1_2_x86_64"
    assert check(tmp_path, cp(10, platform=musl), {named("mod", 10): module}).findings == []
    expected = named("mod", 12, "x86_64-linux-musl")
    assert found(check(tmp_path, cp(12, platform=musl), {named("mod", 12): module})) == [
        ("coverage-missing", expected),
        ("identity-soabi", named("mod", 12)),
    ]


def test_a_file_for_each_c_library(tmp_path):
    tag = f"cp312-cp312-{LINUX}.musllinux_1_2_x86_64"
    files = {named("mod", 12): make_elf.module("mod", needed=[])}
    assert found(check(tmp_path, tag, files)) == [("coverage-missing", named("mod", 12, "x86_64-linux-musl"))]
    files[named("mod", 12, "x86_64-linux-musl")] = make_elf.module("mod", needed=[], soname="other")
    assert check(tmp_path, tag, files).findings == []


@pytest.mark.parametrize("minor", [13, 14])
def test_free_threaded(tmp_path, minor):
    module = make_elf.module("mod", undefined=["_Py_DecRefShared", "PyUnstable_Module_SetGIL"])
    report = check(tmp_path, cp(minor, "t"), {named("mod", minor, flags="t"): module}, requires_python=">=3.9")
    assert report.findings == []
    assert report.pythons == [f"3.{minor}t"]
    assert [(row.python, row.file) for row in report.rows] == [(f"3.{minor}t", named("mod", minor, flags="t"))]


def test_free_threaded_wheel_with_an_ordinary_file(tmp_path):
    module = make_elf.module("mod", undefined=["_Py_Dealloc"])
    report = check(tmp_path, cp(13, "t"), {named("mod", 13): module})
    assert found(report) == [("coverage-missing", named("mod", 13, flags="t"))]
    assert report.findings[0].pythons == ("3.13t",)
    report = check(tmp_path, cp(13, "t"), {"mod.so": module})
    assert found(report) == [("identity-free-threaded", "mod.so")]


def test_abi3t_and_module_exports(tmp_path):
    """PEP 803 and PEP 793."""
    module = make_elf.module("mod", exports=["PyModExport_mod"], undefined=["PyModule_FromSlotsAndSpec"])
    tag = f"cp315-abi3.abi3t-{LINUX}"
    report = check(tmp_path, tag, {"pkg/mod.abi3t.so": module}, requires_python=">=3.15")
    assert report.findings == []
    assert report.pythons == ["3.15", "3.15t"]
    assert report.modules == {"pkg.mod": "abi3"}


def test_module_export_alone_is_too_new(tmp_path):
    module = make_elf.module("mod", exports=["PyModExport_mod"])
    assert found(check(tmp_path, cp(14), {named("mod", 14): module})) == [("elf-no-init", named("mod", 14))]
    assert check(tmp_path, cp(15), {named("mod", 15): module}).findings == []


def test_suffixes_of_this_interpreter():
    """The table of suffixes is CPython's own."""
    minor = sys.version_info.minor
    triplet = EXTENSION_SUFFIXES[0].partition("-")[2].partition("-")[2].removesuffix(".so")
    assert set(suffixes(minor, False, [triplet])) <= {*EXTENSION_SUFFIXES, ".abi3-" + triplet + ".so"}
    assert suffixes(15, False, [GNU]) == [
        f".cpython-315-{GNU}.so", f".abi3-{GNU}.so", ".abi3.so", f".abi3t-{GNU}.so", ".abi3t.so", ".so",
    ]  # fmt: skip


@pytest.mark.parametrize("library", ["libfoo-1.2.so", "x.5.so", "libfoo.so.1.2", "libfoo-0a1b2c3d.so"])
def test_bundled_library_names(tmp_path, library):
    files = {
        named("pkg/mod", 12): make_elf.module("mod", needed=[library], runpath="$ORIGIN/../pkg.libs"),
        f"pkg.libs/{library}": elf(soname=library),
    }
    report = check(tmp_path, cp(12), files)
    assert report.findings == []
    assert report.modules == {"pkg.mod": "per-python"}


def test_package_that_is_an_extension(tmp_path):
    path = named("pkg/__init__", 12)
    report = check(tmp_path, cp(12), {path: make_elf.module("pkg")})
    assert (report.findings, report.modules) == ([], {"pkg": "per-python"})
    both = make_elf.module("", exports=["PyInit_pkg", "PyInit___init__"])
    assert check(tmp_path, cp(12), {path: both}).findings == []
    # CPython calls no other: "dynamic module does not define module export function (PyInit_pkg)".
    assert found(check(tmp_path, cp(12), {path: make_elf.module("__init__")})) == [("elf-no-init", path)]


def test_stable_abi_file_that_nothing_imports(tmp_path):
    tag = f"cp39-abi3-{LINUX}"
    report = check(tmp_path, tag, {"pkg/_ops.abi3.so": elf(exports=["ops_register"])})
    assert (report.findings, report.modules) == ([], {})
    broken = elf(undefined=["PyModule_Create2"])
    assert found(check(tmp_path, tag, {"pkg/_ops.abi3.so": broken})) == [("elf-no-init", "pkg/_ops.abi3.so")]


@pytest.mark.parametrize(
    ("platform", "machine", "triplet", "library"),
    [
        ("manylinux_2_28_ppc64le", "ppc64le", "powerpc64le-linux-gnu", "ld64.so.2"),
        ("manylinux_2_28_s390x", "s390x", "s390x-linux-gnu", "ld64.so.1"),
        ("manylinux_2_17_aarch64", "aarch64", "aarch64-linux-gnu", "ld-linux-aarch64.so.1"),
        ("manylinux_2_39_riscv64", "riscv64", "riscv64-linux-gnu", "ld-linux-riscv64-lp64d.so.1"),
        ("manylinux_2_17_i686", "i686", "i386-linux-gnu", "ld-linux.so.2"),
        ("manylinux_2_31_armv7l", "armv7l", "arm-linux-gnueabihf", "ld-linux-armhf.so.3"),
        ("linux_armv6l", "armv7l", "arm-linux-gnueabihf", "ld-linux-armhf.so.3"),
        ("linux_x86_64", "x86_64", GNU, "ld-linux-x86-64.so.2"),
    ],
)
def test_machines(tmp_path, platform, machine, triplet, library):
    versions = {"libc.so.6": ["GLIBC_2.17"]}
    module = make_elf.module("mod", machine, needed=["libc.so.6", library], versions=versions)
    path = named("mod", 12, triplet)
    report = check(tmp_path, cp(12, platform=platform), {path: module})
    assert (report.findings, report.pythons) == ([], ["3.12"])
    report = check(tmp_path, f"cp312.cp313-cp312.cp313-{platform}", {path: module})
    assert found(report) == [("coverage-missing", named("mod", 13, triplet))]


def test_data_directories_count_as_installed(tmp_path):
    data = "tiny-1.0.data"
    files = {
        f"{data}/platlib/{named('pkg/mod', 11)}": make_elf.module("mod", soname="11"),
        named("pkg/mod", 12): make_elf.module("mod", soname="12"),
        f"{data}/purelib/pkg/__init__.py": b"",
    }
    report = check(tmp_path, f"cp311.cp312-cp311.cp312-{LINUX}", files)
    assert (report.findings, report.modules) == ([], {"pkg.mod": "per-python"})


def test_purelib_wheel_with_its_files_in_platlib(tmp_path):
    wheel = SmallWheel(
        {f"tiny-1.0.data/platlib/{named('mod', 12)}": make_elf.module("mod")}, name_tag=cp(12), requires_dist=()
    )
    path = wheel.write(tmp_path)
    with zipfile.ZipFile(path) as old:
        members = {info.filename: old.read(info) for info in old.infolist()}
    name = f"{DIST_INFO}/WHEEL"
    members[name] = members[name].replace(b"Purelib: false", b"Purelib: true")
    record = members[f"{DIST_INFO}/RECORD"].decode().splitlines()
    members[f"{DIST_INFO}/RECORD"] = "\n".join(
        record_line(name, members[name]) if line.startswith(name) else line for line in record
    ).encode()
    with zipfile.ZipFile(path, "w") as new:
        for member, content in members.items():
            new.writestr(member, content)
    assert check_wheel(path, Options()).findings == []


@pytest.mark.parametrize(
    ("tag", "rules"),
    [
        (cp(12), []),
        (f"cp312-abi3-{LINUX}", ["requires-python"]),
        (f"py3-none-{LINUX}", ["requires-python"]),
    ],
)
def test_no_requires_python(tmp_path, tag, rules):
    wheel = SmallWheel({"mod.abi3.so": make_elf.module("mod")}, name_tag=tag, requires_dist=(), requires_python=None)
    assert [finding.rule for finding in check_wheel(wheel.write(tmp_path), Options()).findings] == rules


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_record_with_a_better_hash(tmp_path, algorithm):
    data, path = make_elf.module("mod"), named("mod", 12)

    def edit(content: bytes):
        digest = base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).rstrip(b"=").decode()
        return lambda lines: [f"{path},{algorithm}={digest},{len(data)}" if path in line else line for line in lines]

    assert check(tmp_path, cp(12), {path: data}, edit_record=[edit(data)]).findings == []
    assert found(check(tmp_path, cp(12), {path: data}, edit_record=[edit(b"x")])) == [("record-hash", path)]


def test_padded_hash_is_said(tmp_path):
    path = named("mod", 12)

    def pad(lines: list[str]) -> list[str]:
        return ["=,".join(line.rsplit(",", 1)) if path in line else line for line in lines]

    report = check(tmp_path, cp(12), {path: make_elf.module("mod")}, edit_record=[pad])
    assert found(report) == [("record-hash", path)]
    assert "padded base64" in report.findings[0].found


@pytest.mark.parametrize("tag", ["cp36-cp36m-manylinux1_x86_64", "cp37-cp37m-manylinux2010_x86_64", cp(16)])
def test_cpythons_that_are_not_known(tmp_path, tag):
    files = {"mod.cpython-37m-x86_64-linux-gnu.so": make_elf.module("mod")}
    report = check(tmp_path, tag, files, requires_python=">=3.6")
    assert report.findings == []
    assert "for CPythons other than 3.8 to 3.15" in report.unproven[0].found
    assert "no extension modules" not in as_text(report)
    assert found(check(tmp_path, tag, files, requires_python=">=3.6", strict=True))[0][0] == "coverage-unproven"


# Broken wheels


def bundled(**user) -> dict[str, bytes]:
    return {
        named("pkg/mod", 12): make_elf.module("mod", needed=["libfoo-1a2b.so.1", "libc.so.6"], **user),
        "pkg.libs/libfoo-1a2b.so.1": elf(soname="libfoo-1a2b.so.1"),
    }


@pytest.mark.parametrize("paths", [{}, {"runpath": "$ORIGIN/lib"}, {"rpath": "$ORIGIN/../other"}, {"rpath": "$ORIGIN"}])
def test_library_that_no_search_path_reaches(tmp_path, paths):
    report = check(tmp_path, cp(12), bundled(**paths))
    assert found(report) == [("library-unreachable", named("pkg/mod", 12))]
    assert "which is at pkg.libs/libfoo-1a2b.so.1" in report.findings[0].found


@pytest.mark.parametrize("paths", [{"rpath": "$ORIGIN/../pkg.libs"}, {"runpath": "/x:${ORIGIN}/../pkg.libs"}])
def test_library_that_a_search_path_reaches(tmp_path, paths):
    assert {rule for rule, _ in found(check(tmp_path, cp(12), bundled(**paths)))} <= {"portability-rpath"}


def test_needed_name_that_was_not_patched(tmp_path):
    """auditwheel renames a library and its users: here the user was forgotten."""
    files = bundled(rpath="$ORIGIN/../pkg.libs")
    files["pkg.libs/libbar-ff00.so.2"] = elf(soname="libbar-ff00.so.2")
    files["pkg.libs/libfoo-1a2b.so.1"] = elf(soname="libfoo-1a2b.so.1", needed=["libbar.so.2"], rpath="$ORIGIN")
    report = check(tmp_path, cp(12), files)
    assert found(report) == [("portability-library", "pkg.libs/libfoo-1a2b.so.1")]


def test_file_name_that_differs_from_the_soname(tmp_path):
    """The loader opens the file with the needed name. It does not find a file of another name by its SONAME."""
    files = bundled(rpath="$ORIGIN/../pkg.libs")
    files["pkg.libs/renamed.so.1"] = files.pop("pkg.libs/libfoo-1a2b.so.1")
    assert found(check(tmp_path, cp(12), files)) == [("library-unreachable", named("pkg/mod", 12))]


@pytest.mark.parametrize(("tag", "reached"), [("rpath", True), ("runpath", False)])
def test_rpath_is_inherited_and_runpath_is_not(tmp_path, tag, reached):
    files = bundled(**{tag: "$ORIGIN/../pkg.libs"})
    files["pkg.libs/libbar.so.2"] = elf(soname="libbar.so.2")
    files["pkg.libs/libfoo-1a2b.so.1"] = elf(soname="libfoo-1a2b.so.1", needed=["libbar.so.2"])
    expected = [] if reached else [("library-unreachable", "pkg.libs/libfoo-1a2b.so.1")]
    assert found(check(tmp_path, cp(12), files)) == expected


def test_musl_inherits_both(tmp_path):
    files = {
        named("pkg/mod", 12, "x86_64-linux-musl"): make_elf.module("mod", needed=["liba.so"], runpath="$ORIGIN/lib"),
        "pkg/lib/liba.so": elf(needed=["libb.so"]),
        "pkg/lib/libb.so": elf(needed=[]),
    }
    assert check(tmp_path, cp(12, platform="musllinux_1_2_x86_64"), files).findings == []


def test_library_that_another_module_loads_first(tmp_path):
    """Whether it works depends on the order of imports."""
    files = bundled()
    files[named("pkg/first", 12)] = make_elf.module(
        "first", needed=["libfoo-1a2b.so.1"], runpath="$ORIGIN/../pkg.libs", soname="first"
    )
    report = check(tmp_path, cp(12), files)
    assert report.findings == []
    assert ("library-unproven", named("pkg/mod", 12)) in [(f.rule, f.path) for f in report.unproven]


def test_library_of_another_distribution(tmp_path):
    files = {named("pkg/mod", 12): make_elf.module("mod", needed=["libmkl.so.2"], runpath="$ORIGIN/../../mkl/lib")}
    report = check(tmp_path, cp(12), files, requires_dist=("mkl-devel",))
    assert report.findings == []
    assert "library-unproven" in [f.rule for f in report.unproven]
    assert found(check(tmp_path, cp(12), files)) == [("portability-library", named("pkg/mod", 12))]


def test_processor_level(tmp_path):
    path = named("mod", 12)
    report = check(tmp_path, cp(12), {path: make_elf.module("mod", isa_level=3)})
    assert found(report) == [("portability-isa", path)]
    assert "x86-64-v3" in report.findings[0].found
    assert check(tmp_path, cp(12), {path: make_elf.module("mod", isa_level=1)}).findings == []


def test_pages_of_64_kib(tmp_path):
    path = named("mod", 12, "aarch64-linux-gnu")
    tag = cp(12, platform="manylinux_2_28_aarch64")
    report = check(tmp_path, tag, {path: make_elf.module("mod", "aarch64", alignment=4096)})
    assert found(report) == [("portability-page-size", path)]
    assert check(tmp_path, cp(12), {named("mod", 12): make_elf.module("mod", alignment=4096)}).findings == []


@pytest.mark.parametrize("tag", [cp(11), f"cp39-abi3-{LINUX}", f"py3-none-{LINUX}"])
@pytest.mark.parametrize("files", [{"pkg/__init__.py": b""}, {"pkg/mod.cp311-win_amd64.pyd": b"MZ"}])
def test_nothing_compiled(tmp_path, tag, files):
    report = check(tmp_path, tag, files)
    assert [rule for rule, _ in found(report)] == ["coverage-nothing"]
    assert report.exit_code == 1
    assert (".pyd" in report.findings[0].found) == ("pkg/__init__.py" not in files)


@pytest.mark.parametrize(
    "tag",
    [
        "cp312-cp312-win_amd64",
        "cp312-cp312-macosx_11_0_arm64",
        "cp312-cp312-android_21_arm64_v8a",
        f"pp310-pypy310_pp73-{LINUX}",
        f"graalpy311-graalpy242_311_native-{LINUX}",
    ],
)
def test_other_systems_and_interpreters_are_not_checked(tmp_path, tag):
    report = check(tmp_path, tag, {"mod.so": make_elf.module("mod")})
    assert "not-checked" in [rule for rule, _ in found(report)]
    assert report.exit_code == 1


def test_pure_wheel_is_clean(tmp_path):
    report = check(tmp_path, "py3-none-any", {"pkg/__init__.py": b"", "pkg/cli-64.exe": b"MZ"})
    assert (report.findings, report.unproven) == ([], [])


def test_undefined_symbol(tmp_path):
    path = named("pkg/mod", 12)
    report = check(tmp_path, cp(12), {path: make_elf.module("mod", undefined=["foo_open"])})
    assert found(report) == [("library-symbol", path)]
    assert "foo_open" in report.findings[0].found


def test_undefined_symbol_of_a_bundled_library(tmp_path):
    files = bundled(rpath="$ORIGIN/../pkg.libs", undefined=["foo_open", "pthread_create"], weak=["foo_optional"])
    assert found(check(tmp_path, cp(12), files)) == [("library-symbol", named("pkg/mod", 12))]
    files["pkg.libs/libfoo-1a2b.so.1"] = elf(soname="libfoo-1a2b.so.1", exports=["foo_open"])
    assert check(tmp_path, cp(12), files).findings == []


def test_undefined_symbol_of_an_unknown_library(tmp_path):
    """libz is on every Linux of the tag, but its symbols are not known: nothing is said."""
    module = make_elf.module("mod", needed=["libz.so.1"], undefined=["inflate"])
    assert check(tmp_path, cp(12), {named("mod", 12): module}).findings == []


@pytest.mark.parametrize(
    ("requires", "rules"),
    [
        ((), ["cuda-requirement"]),
        (("numpy",), ["cuda-requirement"]),
        (("nvidia-cuda-runtime-cu12",), ["cuda-requirement"]),
        (("nvidia-cuda-runtime==12.*",), ["cuda-requirement"]),
        (("nvidia-cuda-runtime-cu13",), []),
        (("nvidia-cuda-runtime>=13,<14",), []),
        (("torch==2.14.0",), []),
        (('nvidia-cuda-runtime>=13; platform_machine == "x86_64"',), []),
    ],
)
def test_cuda_runtime_that_a_requirement_brings(tmp_path, requires, rules):
    files = {named("mod", 12): make_elf.module("mod", needed=["libcudart.so.13"])}
    assert [rule for rule, _ in found(check(tmp_path, cp(12), files, requires_dist=requires))] == rules


def test_two_cuda_runtimes(tmp_path):
    files = {
        named("a", 12): make_elf.module("a", needed=["libcudart.so.12"]),
        named("b", 12): make_elf.module("b", needed=["libcudart.so.13"]),
    }
    report = check(tmp_path, cp(12), files, requires_dist=("torch",))
    assert found(report) == [("cuda-majors", named("a", 12))]
    assert "CUDA 13" in report.findings[0].found


@pytest.mark.parametrize("requirement", ["foo (1.0", "foo>=", "foo; python_version > three", "?"])
def test_requirement_that_installers_refuse(tmp_path, requirement):
    report = check(tmp_path, cp(12), {named("mod", 12): make_elf.module("mod")}, requires_dist=(requirement,))
    assert found(report) == [("metadata", f"{DIST_INFO}/METADATA")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (">=3.8\nRequires-Python: <3.13", "2 Requires-Python lines: >=3.8; <3.13"),
        (">=3.8,\n  <3.13", "a Requires-Python of several lines"),
        ("three", "Requires-Python: three"),
    ],
)
def test_requires_python_that_cannot_be_read(tmp_path, value, expected):
    report = check(tmp_path, cp(12), {named("mod", 12): make_elf.module("mod")}, requires_python=value)
    assert found(report) == [("requires-python", f"{DIST_INFO}/METADATA")]
    assert expected in report.findings[0].found


@pytest.mark.parametrize("tag", ["py3.11-none-any", "cp312", "", "a b-c-d", "cp312-cp312-linux-x86_64"])
def test_odd_tag_line_is_one_finding(tmp_path, tag):
    wheel_tags = (cp(12), tag)
    report = check(
        tmp_path, cp(12), {named("mod", 12): make_elf.module("mod", undefined=["foo"])}, wheel_tags=wheel_tags
    )
    assert [rule for rule, _ in found(report)] == ["wheel-tags", "library-symbol"]
    assert report.exit_code == 1


def test_helpers_for_other_machines(tmp_path):
    """Debuggers carry libraries for the processes that they attach to."""
    files = {"pkg/attach_x86.so": elf("i686"), "pkg/attach_amd64.so": elf()}
    assert check(tmp_path, f"py3-none-{LINUX}", files).findings == []
    del files["pkg/attach_amd64.so"]
    assert found(check(tmp_path, f"py3-none-{LINUX}", files)) == [("elf-machine", "pkg/attach_x86.so")]


def test_programs(tmp_path):
    """A wheel that has only programs, like that of ruff or cmake."""
    path = "tiny-1.0.data/scripts/tool"
    assert check(tmp_path, f"py3-none-{LINUX}", {path: elf(program=True)}).findings == []
    new = elf(program=True, versions={"libc.so.6": ["GLIBC_2.39"]})
    assert found(check(tmp_path, f"py3-none-{LINUX}", {path: new})) == [("portability-glibc", path)]


def test_editable_leftovers(tmp_path):
    files = {"__editable__.tiny-1.0.pth": b"/home/me/src\n", named("mod", 12): make_elf.module("mod")}
    assert found(check(tmp_path, cp(12), files)) == [("member-editable", "__editable__.tiny-1.0.pth")]
    files = {"distutils-precedence.pth": b"import os\n", named("mod", 12): make_elf.module("mod")}
    assert check(tmp_path, cp(12), files).findings == []


def test_files_that_are_no_libraries(tmp_path):
    files = {"pkg/libfoo.so": b"/* GNU ld script */\nINPUT(libfoo.so.1)\n", named("mod", 12): make_elf.module("mod")}
    files |= {"pkg/libfoo.so.sha256": b"0123", "pkg/notes.so.txt": b"text"}
    assert check(tmp_path, cp(12), files).findings == []


def test_stable_abi_with_a_module_for_one_python(tmp_path):
    """vLLM 0.20.0's fault: the rest of the wheel is for every CPython."""
    files = {"pkg/a.abi3.so": make_elf.module("a"), named("pkg/b", 12): make_elf.module("b")}
    report = check(tmp_path, f"cp310-abi3-{LINUX}", files, requires_python=">=3.10,<3.15")
    (finding,) = report.findings
    assert (finding.rule, finding.path) == ("coverage-missing", named("pkg/b", 10))
    assert finding.pythons == ("3.10", "3.11", "3.13", "3.14")
    assert "for CPython 3.10-3.11, 3.13-3.14" in finding.found


def test_plain_names_in_a_stable_abi_wheel(tmp_path):
    """A plain name.so is loaded by every CPython, so each must have its symbols."""
    tag, specifier = f"cp311-abi3-{LINUX}", ">=3.11,<3.14"
    stable = make_elf.module("a", undefined=["PyType_GetName"])
    assert check(tmp_path, tag, {"pkg/a.so": stable}, requires_python=specifier).findings == []
    newer = make_elf.module("a", undefined=["PyDict_GetItemRef"])
    report = check(tmp_path, tag, {"pkg/a.so": newer}, requires_python=specifier)
    assert found(report) == [("identity-python", "pkg/a.so")] * 2
    assert [f.required.split(",")[0] for f in report.findings] == ["one compiled for 3.11", "one compiled for 3.12"]


def test_data_named_like_a_library(tmp_path):
    files = {"pkg/weights.so": b"just data", named("mod", 12): make_elf.module("mod")}
    report = check(tmp_path, cp(12), files)
    assert found(report) == [("elf-unreadable", "pkg/weights.so")]
    assert report.modules == {"mod": "per-python"}


def test_symbols_of_a_binding_library(tmp_path):
    """shiboken exports Py… functions for the stable ABI; PySide6 finds it in another distribution."""
    module = make_elf.module("QtCore", needed=["libshiboken.so.6"], undefined=["PyRun_String"], runpath="$ORIGIN/../sh")
    report = check(tmp_path, f"cp310-abi3-{LINUX}", {"pkg/QtCore.abi3.so": module}, requires_dist=("sh",))
    assert report.findings == []
    assert {f.rule for f in report.unproven} == {"abi3-unproven", "library-unproven"}


@pytest.mark.parametrize(
    ("tag", "glibc"),
    [("manylinux1_x86_64", (2, 5)), ("manylinux2010_i686", (2, 12)), ("manylinux2014_aarch64", (2, 17))],
)
def test_legacy_aliases(tag, glibc):
    platform = parse_platform(tag)
    assert (platform.libc, platform.version) == ("glibc", glibc)
    assert tag in policy_for(platform).aliases


@pytest.mark.parametrize("tag", ["manylinux1_riscv64", "manylinux2010_aarch64", "manylinux_x86_64", "any", "linux"])
def test_tags_of_no_platform(tag):
    assert parse_platform(tag) is None


def test_glibc_between_two_policies(tmp_path):
    """PEP 600: manylinux_2_30 promises glibc 2.30, whether auditwheel has a policy of that name or not."""
    path = named("mod", 12)
    for label, rules in (("GLIBC_2.30", []), ("GLIBC_2.32", ["portability-glibc"])):
        module = make_elf.module("mod", versions={"libc.so.6": [label]})
        report = check(tmp_path, cp(12, platform="manylinux_2_30_x86_64"), {path: module})
        assert [rule for rule, _ in found(report)] == rules


# Use


def test_classes(tmp_path, capsys):
    wheel = SmallWheel({named("mod", 12): make_elf.module("mod")}, name_tag=cp(12), requires_dist=())
    wheel.wheel_tags = ("cp312-cp312-linux_x86_64",)
    path = str(wheel.write(tmp_path))
    assert main([path]) == 1
    assert main([path, "--only", "load"]) == 0
    assert main([path, "--only", "form"]) == 1
    assert main([path, "--only", "form", "--only", "load"]) == 1
    assert {rule.kind for rule in RULES.values()} == {"load", "form"}


@pytest.mark.parametrize("allowed", ["libdw.so.*", "mod*.so:libdw*", "*:lib??.so.1", "libdw.so.[0-9]"])
def test_allowed_library_globs(tmp_path, allowed):
    wheel = SmallWheel({named("mod", 12): make_elf.module("mod", needed=["libdw.so.1"])}, name_tag=cp(12))
    path = str(wheel.write(tmp_path))
    assert main([path]) == 1
    assert main([path, "--allow-library", allowed]) == 0


def test_help_explains_globs_and_files(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "* crosses slashes" in text
    assert "@FILE" in text


def test_requires_python_of_several_lines_is_refused(tmp_path, capsys):
    assert main([str(tmp_path / "x.whl"), "--requires-python", ">=3.11,\n<3.15"]) == 2
    assert "expected one line" in capsys.readouterr().err


def test_real_module_parses_like_the_made_one():
    """make_elf's tables are those of a linker: the reader finds the same facts in both."""
    data = compiled("plain", "3.12")
    reader = ElfReader()
    reader.feed(data)
    real = reader.parse()
    assert real.inits == {"PyInit_plain"}
    assert real.needed == tuple(elf_edit.needed(data))
    made = make_elf.module("plain", needed=real.needed, undefined=[n for n, weak in real.undefined.items() if not weak])
    reader = ElfReader()
    reader.feed(made)
    copy = reader.parse()
    assert (copy.inits, copy.needed, copy.machine) == (real.inits, real.needed, real.machine)
    assert not copy.executable_stack
