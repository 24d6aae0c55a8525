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

# Modules beside this one, for the tests that build them: file by file, since Bazel leaves links to its outputs there when
# somebody builds one where it lies.
_MODULES = {
    "e2e/smoke": [
        "my_ops.cc",
        "my_ops/__init__.py",
        "pyproject.toml",
    ],
    "examples/other_bindings": [
        "check.py",
        "my_ops/__init__.py",
        "nanobind.BUILD.bazel",
        "nanobind.txt",
        "nanobind_ops.cc",
        "pybind11.BUILD.bazel",
        "pybind11.txt",
        "pybind11_ops.cc",
        "pyproject.toml",
    ],
    "examples/real_projects": [
        "metadata_test.py",
        "project.bzl",
    ] + [
        "{}/{}".format(project, file)
        for project in ["torch_scatter", "torchdtw", "torchsort"]
        for file in ["BUILD.bazel", "check.py", "sdist.txt"]
    ],
}
_OF_EACH_MODULE = [".bazelrc", ".bazelversion", "BUILD.bazel", "MODULE.bazel"]

def _checkout_repo_impl(rctx):
    root = rctx.path(Label("//:MODULE.bazel")).dirname
    archives = {"checkout.tar": _FILES + _FOLDERS}
    for module, names in _MODULES.items():
        files = [module + "/" + name for name in _OF_EACH_MODULE + names]
        archives[module.split("/")[-1] + ".tar"] = files
        for name in files:
            rctx.watch(root.get_child(name))
    for name in _FILES:
        rctx.watch(root.get_child(name))
    for name in _FOLDERS:
        rctx.watch_tree(root.get_child(name))
    for archive, names in archives.items():
        arguments = ["--root", root, "--out", rctx.path(archive)]
        run_module(rctx, "tests.repositories.checkout", arguments + names, what = "an archive of the checkout")
    rctx.file("BUILD.bazel", 'exports_files(glob(["*.tar"]))\n')

checkout_repo = repository_rule(
    implementation = _checkout_repo_impl,
    doc = "`:checkout.tar`, this project's files with uncommitted edits, and one archive for each module " +
          "beside it, such as `:smoke.tar`. Bazel makes both again when a file changes.",
)
