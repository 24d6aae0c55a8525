"""Repository rules for DeepGEMM's source: the pinned sdist, or a checkout."""

load("//bazel/fetch:host_python.bzl", "run_module")
load("//bazel/fetch:pip.bzl", "pip_fetch")
load(":checkout.bzl", "PATH", "checkout_root")
load(":envs.bzl", "ENVS", "envs_py")

visibility(["//bazel/deepgemm"])

# Files that must be there, and what to do where one is missing.
_NEEDED = {
    "csrc/python_api.cpp": "name the root of a DeepGEMM checkout of version 2.8 or newer",
    "deep_gemm/__init__.py": "name the root of a DeepGEMM checkout of version 2.8 or newer",
    "deep_gemm/include/deep_gemm": "name the root of a DeepGEMM checkout of version 2.8 or newer",
    "scripts/generate_pyi.py": "name the root of a DeepGEMM checkout of version 2.8 or newer",
    "third-party/cutlass/include/cutlass": "run `git submodule update --init --recursive` there",
    "third-party/deep_jit/include/deep_jit": "run `git submodule update --init --recursive` there",
}

def _lay_out(rctx, src, what):
    """Checks the source and links its parts to where a wheel has them. A link shows each edit and costs no action."""
    for path, remedy in _NEEDED.items():
        if not src.get_child(*path.split("/")).exists:
            fail("{}: there is no {} in {}: {}".format(what, path, src, remedy))
    package = src.get_child("deep_gemm")
    for entry in package.readdir():
        if entry.basename not in ["include", "__pycache__", "envs.py", "_C.pyi", "csrc", "docs"]:
            rctx.symlink(entry, "package/deep_gemm/" + entry.basename)
    for name in ["csrc", "docs"]:
        if src.get_child(name).exists:
            rctx.symlink(src.get_child(name), "package/deep_gemm/" + name)
    cutlass = src.get_child("third-party", "cutlass", "include")
    rctx.symlink(package.get_child("include", "deep_gemm"), "package/deep_gemm/include/deep_gemm")
    rctx.symlink(cutlass.get_child("cute"), "package/deep_gemm/include/cute")
    rctx.symlink(cutlass.get_child("cutlass"), "package/deep_gemm/include/cutlass")
    rctx.file("package/deep_gemm/envs.py", envs_py(rctx.attr.envs), executable = False)
    rctx.template("BUILD.bazel", Label(":deepgemm.BUILD.bazel"), executable = False)

def _deepgemm_sdist_repo_impl(rctx):
    pip_fetch(rctx, rctx.attr.requirements, "src", mode = "sdist")
    _lay_out(rctx, rctx.path("src"), "deepgemm.sdist")
    run_module(
        rctx,
        "bazel.deepgemm.headers",
        ["--src", rctx.path("src"), "--out", rctx.path("headers.bzl")],
    )

deepgemm_sdist_repo = repository_rule(
    implementation = _deepgemm_sdist_repo_impl,
    doc = "DeepGEMM's source out of an sdist pinned by hash; none of its code runs.",
    attrs = {
        "envs": ENVS,
        "requirements": attr.label(
            doc = "Requirement file with the one sdist, with == and --hash.",
            mandatory = True,
        ),
    },
)

def _deepgemm_local_repo_impl(rctx):
    checkout = checkout_root(rctx)
    rctx.symlink(checkout, "src")
    _lay_out(rctx, checkout, "deepgemm.local")
    rctx.file("headers.bzl", '"""Empty: all headers of a checkout are offered."""\n\nHOST_HEADERS = []\n')

deepgemm_local_repo = repository_rule(
    implementation = _deepgemm_local_repo_impl,
    doc = "A DeepGEMM checkout. Its files are linked, so that the next build has each edit.",
    attrs = {
        "envs": ENVS,
        "path": PATH,
    },
    local = True,
)
