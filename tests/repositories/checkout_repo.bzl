"""Repository rule: packs this project's own files into archives, from which tests make clones."""

load("//bazel/fetch:host_python.bzl", "run_module")

visibility(["//tests/..."])

# What a clone needs to build the products. A file or folder of the root that is not named here (documents, CI files)
# does not make the tests run again.
_FILES = [
    ".bazelignore",
    ".bazelrc",
    ".bazelversion",
    "BUILD.bazel",
    "LICENSE",
    "MODULE.bazel",
    "bazelw",
]
_FOLDERS = [
    "bazel",
    "kernels",
    "tests",
    "third_party",
    "tools",
]

# A module beside this one, for the tests that build it: file by file, since Bazel leaves links to its outputs there when
# somebody builds it where it lies.
_SMOKE = ["e2e/smoke/" + name for name in [
    ".bazelrc",
    ".bazelversion",
    "BUILD.bazel",
    "MODULE.bazel",
    "my_ops.cc",
    "my_ops/__init__.py",
    "pyproject.toml",
]]

def _checkout_repo_impl(rctx):
    root = rctx.path(Label("//:MODULE.bazel")).dirname
    for name in _FILES + _SMOKE:
        rctx.watch(root.get_child(name))
    for name in _FOLDERS:
        rctx.watch_tree(root.get_child(name))
    for archive, names in {"checkout.tar": _FILES + _FOLDERS, "smoke.tar": _SMOKE}.items():
        arguments = ["--root", root, "--out", rctx.path(archive)]
        run_module(rctx, "tests.repositories.checkout", arguments + names, what = "an archive of the checkout")
    rctx.file("BUILD.bazel", 'exports_files(["checkout.tar", "smoke.tar"])\n')

checkout_repo = repository_rule(
    implementation = _checkout_repo_impl,
    doc = "`:checkout.tar`, this project's files with uncommitted edits, and `:smoke.tar`, the module " +
          "e2e/smoke of it. Bazel makes both again when a file changes.",
)
