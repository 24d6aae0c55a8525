"""A module that depends on this one keeps its compiler, fetches nothing of ours, and sees only what is documented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from bazel_in_bazel import Bazel, Workspace, scratch_directory

MODULE = """\
module(name = "consumer")
bazel_dep(name = "rules_deepgemm", version = "0.1.0")
local_path_override(module_name = "rules_deepgemm", path = "../rules")
pythons = use_extension("@rules_deepgemm//bazel:extensions.bzl", "pythons")
pythons.requires(specifier = ">=3.12,<3.14")
torch = use_extension("@rules_deepgemm//bazel:extensions.bzl", "torch")
torch.wheel(requirements = "@rules_deepgemm//third_party/torch:2.14.0.txt")
torch.wheel(name = "another_torch", requirements = "@rules_deepgemm//third_party/torch:2.11.0.txt")
torch.pip(name = "torch_of_hub", hub = "@hub")
use_repo(torch, "another_torch", "torch_of_hub")
bazel_dep(name = "hub")
local_path_override(module_name = "hub", path = "../hub")
"""
# As a hub of rules_python, which has a package for each requirement.
HUB = {"MODULE.bazel": 'module(name = "hub")\n', "BUILD.bazel": "", "numpy/BUILD.bazel": ""}
HELLO = """\
cc_binary(
    name = "hello",
    srcs = ["hello.cc"],
)
"""
OPS = """\
load("@rules_deepgemm//bazel/rules:defs.bzl", "deepgemm_extension", "deepgemm_wheel", "torch_extension", "vllm_wheel")
torch_extension(
    name = "ops",
    srcs = ["ops.cc"],
)
deepgemm_extension(name = "C")
deepgemm_wheel(
    name = "wheel",
    extension = ":C",
)
vllm_wheel(
    name = "vllm",
    base = "vllm-1.0-cp38-abi3-manylinux_2_28_x86_64.whl",
    deep_gemm = ":wheel",
)
"""

# Repositories that are written and not downloaded: what macros load.
HUBS = {"deepgemm_pythons", "deepgemm_version"}

# Where users load from.
DOORS = {"bazel/extensions.bzl", "bazel/rules/defs.bzl"}
# What BUILD files of generated repositories load, which are other modules' to Bazel.
LOADED_BY_REPOSITORIES = {
    "bazel/cc/cc_toolchain_config.bzl",
    "bazel/deepgemm/generate.bzl",
    "bazel/fetch/site_packages.bzl",
    "bazel/pythons/python_abi.bzl",
    "bazel/pythons/registered_python.bzl",
    "bazel/torch/pip_torch.bzl",
    "bazel/torch/torch_libraries.bzl",
    "bazel/torch/torch_runtime.bzl",
    "bazel/torch/torch_sdk.bzl",
}
# Flags, the toolchain, tools to run, pins to name in tags, and what macros put into a user's package.
TARGETS = {
    "bazel/cc:cc_toolchain",
    "bazel/cc:gcc_toolchain",
    "bazel/cc:hermetic",
    "bazel/cc:more_headers",
    "bazel/kernels/nvcc:toolchain",
    "bazel/kernels/nvcc:toolchain_type",
    "bazel/kernels:jit_runtime",
    "bazel/platforms:linux_aarch64",
    "bazel/platforms:linux_x86_64",
    "bazel/platforms:run_aarch64",
    "bazel/rules:opt",
    "bazel/rules:skip_missing_interpreters",
    "bazel/torch:headers",
    "bazel/torch:runtime.cp312",
    "bazel/torch:runtime.cp313",
    "bazel/torch:torch",
    "kernels:deepseek_v3_dp8_ep8",
    "kernels:deepseek_v3_dp8_ep8_b200",
    "kernels:deepseek_v3_tp8",
    "kernels:qwen3_30b_a3b",
    "tools/pins:torch",
    "tools/wheel:check",
    "tools/wheel:overlay",
    "tools:compile_commands",
    # Toolchains of a test: Bazel's own rules must see them.
    *(f"tests/rules:python_{name}.runtime" for name in ("old", "oldest", "threaded", "unknown")),
}
FILES = re.compile(r"bazel:extensions\.bzl|bazel/rules:defs\.bzl|third_party/(deepgemm|torch|vllm):[^ ]+\.txt")


@pytest.fixture(scope="module")
def bazel() -> Iterator[Bazel]:
    scratch = scratch_directory() / "consumer"
    Workspace.from_checkout(scratch / "rules")
    Workspace.from_files(scratch / "hub", HUB)
    workspace = Workspace.from_files(
        scratch / "consumer",
        {"MODULE.bazel": MODULE, "BUILD.bazel": HELLO, "hello.cc": "int main() { return 0; }\n"},
    )
    with Bazel(workspace, scratch / "base", options=["--lockfile_mode=off"]) as bazel:
        yield bazel


def fetched(bazel: Bazel) -> set[str]:
    """The repositories below external/ that extensions of this ruleset made, by their last names."""
    names = [path.name for path in (bazel.output_base / "external").iterdir() if not path.name.startswith("@")]
    parts = [re.split("[~+]+", name) for name in names]
    return {part[-1] for part in parts if part[0] == "rules_deepgemm" and len(part) > 2}


# In this order: each leaves its repositories in the output base.
@pytest.mark.parametrize("command", [("mod", "graph"), ("mod", "deps", "<root>"), ("query", "//...")])
def test_a_question_fetches_nothing(bazel: Bazel, command: tuple[str, ...]) -> None:
    run = bazel.run(*command, "--lockfile_mode=off")
    assert fetched(bazel) == set()
    # MODULE imports the repositories that the documentation says to import. Bazel would warn of more or fewer.
    assert "use_repo" not in run.output


def test_its_own_target_keeps_its_own_compiler(bazel: Bazel) -> None:
    run = bazel.build("//:hello")
    assert fetched(bazel) == set()
    compile_action = run.spawn("CppCompile")
    assert not [word for word in compile_action.arguments if "deepgemm" in word]
    assert not [path for path in compile_action.inputs if "deepgemm" in path]


def test_loading_the_rules_fetches_nothing_but_lists(bazel: Bazel) -> None:
    bazel.workspace.write("ops/BUILD.bazel", OPS)
    assert "//ops:ops.cp313" in bazel.text("query", "--lockfile_mode=off", "//...").splitlines()
    assert fetched(bazel) == HUBS


def test_every_package_of_the_ruleset_loads(bazel: Bazel) -> None:
    targets = bazel.text("query", "--lockfile_mode=off", "@rules_deepgemm//...")
    assert "@rules_deepgemm//tools/wheel:check" in targets.splitlines()


def test_no_target_but_the_documented_ones_is_visible(bazel: Bazel) -> None:
    # `visible` takes packages of one name in two repositories for the same one: this name is not ours.
    bazel.workspace.write("stranger/BUILD.bazel", 'filegroup(name = "stranger")\n')
    visible = bazel.text(
        "query",
        "--lockfile_mode=off",
        # Files and config_settings are visible only where a package says so.
        "--incompatible_no_implicit_file_export",
        "--incompatible_config_setting_private_default_visibility",
        "visible(//stranger, @rules_deepgemm//...)",
    )
    labels = {label.rpartition("//")[2] for label in visible.splitlines()}
    assert {label for label in labels if not FILES.fullmatch(label)} == TARGETS


def bzl_files(root: Path) -> Iterator[tuple[str, str]]:
    """Each .bzl file of the ruleset, by its path, with the name of one thing that it defines."""
    for path in sorted(root.rglob("*.bzl")):
        names = re.findall(r"^(?:def )?([A-Za-z]\w*)(?: = |\()", path.read_text(encoding="utf-8"), re.MULTILINE)
        defined = [name for name in names if name not in ("load", "visibility")]
        if defined:
            yield path.relative_to(root).as_posix(), defined[0]


def test_no_file_but_the_documented_ones_can_be_loaded(bazel: Bazel) -> None:
    files = dict(bzl_files(bazel.workspace.root.parent / "rules"))
    assert set(files) >= DOORS | LOADED_BY_REPOSITORIES
    assert len(files) > 40
    for number, (file, name) in enumerate(files.items()):
        package, _, base = file.rpartition("/")
        load = f'load("@rules_deepgemm//{package}:{base}", "{name}")\n'
        bazel.workspace.write(f"loads/{number}/BUILD.bazel", f'{load}filegroup(name = "loaded")\n')
    run = bazel.run("query", "--keep_going", "--lockfile_mode=off", "//loads/...", status=3)
    loaded = {int(number) for number in re.findall(r"^//loads/(\d+):loaded$", run.output, re.MULTILINE)}
    assert {file for number, file in enumerate(files) if number in loaded} == DOORS | LOADED_BY_REPOSITORIES
    refused = re.findall(r"Starlark file \S+ is not visible for loading from package", run.output)
    assert len(set(refused)) > 0


def test_a_hub_without_torch(bazel: Bazel) -> None:
    run = bazel.run("query", "--lockfile_mode=off", "deps(@torch_of_hub//:sdk)", status=None)
    assert run.status
    assert "torch.pip: the hub hub has no torch; expected it among the hub's requirements: add it" in run.output
