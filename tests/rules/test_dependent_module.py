"""torch_extension in a module that depends on this one: the same bytes, and other compilers.

This module builds extensions with its own names of repositories. A dependent module builds the same ones in its own
package and in this module's, with the names of --incompatible_use_plus_in_repo_names, the default of Bazel 8.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from bazel_in_bazel import (
    Bazel,
    Workspace,
    outer_repositories,
    outer_repositories_of_dependent,
    runfile,
    scratch_directory,
)

PARTS, WHOLE, PLAIN = "parts.cp312", "whole.cp312", "plain.so"
AARCH64 = "--platforms={}//bazel/platforms:linux_aarch64"
# Names of repositories: of this module, of its extensions, and of the modules below.
REPOSITORY = re.compile(
    rb"[ -~]*(?:external/|_main[~+]|rules_deepgemm|deepgemm_(?:gcc|torch|python)|(?:check|source)[~+])[ -~]*"
)

STRING = re.compile(rb"[ -~]{6,}")

# Two more modules: one has a header with an assertion, the other a source and no target for headers.
MODULES = {
    "check/MODULE.bazel": 'module(name = "check")\nbazel_dep(name = "rules_cc", version = "0.0.11")\n',
    "check/BUILD.bazel": """
load("@rules_cc//cc:defs.bzl", "cc_library")
cc_library(
    name = "check",
    hdrs = ["include/check/check.h"],
    includes = ["include"],
    visibility = ["//visibility:public"],
)
""",
    "check/include/check/check.h": """
#pragma once
#include <source_location>
#include <stdexcept>

inline void check(bool is_right, std::source_location where = std::source_location::current()) {
  if (where.line() == 0) throw std::logic_error(__FILE__);
  if (!is_right) throw std::runtime_error(where.file_name());
}
""",
    "source/MODULE.bazel": 'module(name = "source")\n',
    "source/BUILD.bazel": 'exports_files(["sub/source.cc"])\n',
    "source/sub/source.cc": """
namespace { int counter; }
const char* source() { return ++counter ? __FILE__ : nullptr; }
""",
}
DEPENDENCIES = """
bazel_dep(name = "check")
bazel_dep(name = "source")
local_path_override(module_name = "check", path = "../check")
local_path_override(module_name = "source", path = "../source")
"""
DEPENDENT = """
module(name = "dependent")
bazel_dep(name = "rules_cc", version = "0.0.11")
bazel_dep(name = "rules_deepgemm")
local_path_override(module_name = "rules_deepgemm", path = "../rules")
register_toolchains("@rules_deepgemm//bazel/cc:gcc_toolchain")
pythons = use_extension("@rules_deepgemm//bazel:extensions.bzl", "pythons")
pythons.requires(specifier = ">=3.12,<3.13")
"""
PACKAGE = {
    "probe/BUILD.bazel": """
load("@rules_cc//cc:defs.bzl", "cc_binary")
load("@rules_deepgemm//bazel/rules:defs.bzl", "deepgemm_extension", "torch_extension")
cc_binary(
    name = "plain.so",
    srcs = ["plain.cc"],
    copts = ["-std=c++20"],
    defines = ["_GLIBCXX_ASSERTIONS"],
    linkshared = True,
    deps = ["@check"],
)
torch_extension(
    name = "parts",
    srcs = ["probe.cc", "@source//:sub/source.cc"],
    defines = ["_GLIBCXX_ASSERTIONS", "WITH_SOURCE"],
    deps = ["@check"],
)
torch_extension(
    name = "whole",
    srcs = ["probe.cc"],
    defines = ["_GLIBCXX_ASSERTIONS"],
    features = ["smaller_code", "whole_program"],
    deps = ["@check"],
)
# The options of deepgemm_extension: a compiler that does not know one fails with -Werror.
deepgemm_extension(
    name = "options",
    srcs = ["options.cc"],
    copts = ["-Wall", "-Werror"],
    features = ["whole_program"],
    deps = [],
)
""",
    "probe/probe.cc": """
#include <Python.h>
#include <c10/util/ArrayRef.h>
#include <check/check.h>
#include <vector>

const char* source();

PyMODINIT_FUNC PyInit__C() {
  std::vector<int> numbers{1, 2};
  // volatile: the compiler cannot know that no assertion fails.
  volatile size_t count = numbers.size();
  check(numbers[count / 2] == 2);
  check(c10::ArrayRef<int>(numbers.data(), count).front() == 1);
#ifdef WITH_SOURCE
  check(source() != nullptr);
#endif
  static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_C", __FILE__, -1};
  return PyModule_Create(&definition);
}
""",
    "probe/plain.cc": """
#include <check/check.h>
#include <vector>

void plain(const std::vector<int>& numbers) { check(numbers.front() == 1); }
""",
    "probe/options.cc": """
#include <Python.h>
#include <string>

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_C", __FILE__, -1};

PyMODINIT_FUNC PyInit__C() { return PyModule_Create(&definition); }
""",
    "two/BUILD.bazel": """
load("@rules_deepgemm//bazel/rules:defs.bzl", "torch_extension")
torch_extension(name = "two", srcs = ["one.cc", "one.h", "two.cc"], features = ["whole_program"])
""",
}


@pytest.fixture(scope="module")
def scratch() -> Path:
    scratch = scratch_directory() / "modules"
    Workspace.from_checkout(scratch / "rules")
    Workspace.from_files(scratch / "dependent", {**PACKAGE, "MODULE.bazel": DEPENDENT + DEPENDENCIES, ".bazelrc": ""})
    for name, text in MODULES.items():
        Workspace(scratch).write(name, text)
    rules = Workspace(scratch / "rules")
    for name, text in PACKAGE.items():
        rules.write(name, text)
    rules.write("MODULE.bazel", (rules.root / "MODULE.bazel").read_text(encoding="utf-8") + DEPENDENCIES)
    shutil.rmtree(rules.root / "two")
    return scratch


def built(bazel: Bazel, *packages: str, rules: str = "") -> dict[str, bytes]:
    """Mode, package and name of each library to its content: optimized ones, and those for debugging.

    `plain.so` is for aarch64. `rules` is this module's name in the workspace.
    """
    libraries = {}
    aarch64 = AARCH64.format(rules)
    for mode, targets, options in (
        ("opt", (PARTS, WHOLE), ()),
        ("dbg", (PARTS,), ()),
        ("opt", (PLAIN,), (aarch64,)),
        ("dbg", (PLAIN,), (aarch64,)),
    ):
        run = bazel.build(*(f"{package}:{target}" for package in packages for target in targets), "-c", mode, *options)
        for spawn in run.of("CppLink"):
            (path,) = spawn.outputs
            libraries[f"{mode} {spawn.target}"] = bazel.output(path).read_bytes()
    assert len(libraries) == 5 * len(packages)
    return libraries


@pytest.fixture(scope="module")
def libraries(scratch: Path) -> dict[str, bytes]:
    """What this module builds."""
    options = outer_repositories(runfile(os.environ["OUTER_REPOSITORIES"]))
    with Bazel(Workspace(scratch / "rules"), scratch / "main", options=options) as bazel:
        return built(bazel, "//probe")


def test_no_name_of_a_repository(libraries: dict[str, bytes]) -> None:
    for name, content in libraries.items():
        assert not REPOSITORY.findall(content), name
        assert int.from_bytes(content[18:20], "little") == (183 if PLAIN in name else 62), (
            "e_machine: EM_AARCH64, EM_X86_64"
        )
        for path in (b"include/check/check.h", b"/usr/include/c++/14/"):
            assert path in content, name
        if PLAIN not in name:
            assert b"probe/probe.cc" in content, name
            assert b"torch/include/c10/" in content, name
        assert WHOLE in name or PLAIN in name or b"sub/source.cc" in content


def test_a_dependent_module_builds_the_same_bytes(scratch: Path, libraries: dict[str, bytes]) -> None:
    base = scratch / "plus"
    options = [
        *outer_repositories_of_dependent(runfile(os.environ["OUTER_REPOSITORIES"]), base / "shared", "+"),
        "--incompatible_use_plus_in_repo_names",
    ]
    packages = ("//probe", "@rules_deepgemm//probe")
    with Bazel(Workspace(scratch / "dependent"), base, options=options) as bazel:
        for name, content in built(bazel, *packages, rules="@rules_deepgemm").items():
            mode, label = name.split()
            wanted = libraries[f"{mode} //probe:{label.rpartition(':')[2]}"]
            assert STRING.findall(content) == STRING.findall(wanted), name
            assert content == wanted, name


@pytest.fixture(scope="module")
def other(scratch: Path) -> Iterator[Bazel]:
    """The dependent module without the hermetic compiler."""
    options = [
        *outer_repositories_of_dependent(runfile(os.environ["OUTER_REPOSITORIES"]), scratch / "other" / "shared"),
        "--@rules_deepgemm//bazel/cc:hermetic=false",
    ]
    with Bazel(Workspace(scratch / "dependent"), scratch / "other", options=options) as bazel:
        yield bazel


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_another_compiler_ignores_the_features(other: Bazel, compiler: str) -> None:
    if not (path := shutil.which(compiler)):
        pytest.skip(f"no {compiler} on the PATH")
    run = other.build("//probe:options", f"--repo_env=CC={path}")
    assert len(run.of("CppCompile")) == len(run.of("ExtensionModuleCheck")) == 1
    assert run.spawn("CppCompile").arguments[0] == path
    assert not list((other.output_base / "external").glob("*deepgemm_gcc*")), "the hermetic compiler was fetched"


def test_a_whole_program_has_one_source(other: Bazel) -> None:
    run = other.build("//two", status=1)
    assert "two: the feature whole_program is for one source, and srcs has 2: one.cc, two.cc; leave" in run.output
