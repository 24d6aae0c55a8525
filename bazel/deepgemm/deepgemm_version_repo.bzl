"""Repository rule: the version of DeepGEMM, known without its source.

Macros load it. A BUILD file that loads `//bazel/rules:defs.bzl` and builds no DeepGEMM must not fetch DeepGEMM for that.
"""

load(":checkout.bzl", "PATH", "checkout_root")

visibility(["//bazel/deepgemm"])

_VERSION_BZL = '''"""Which DeepGEMM is built; written by the repository rule."""

VERSION = {}
'''

def _checkout_version(rctx):
    file = checkout_root(rctx).get_child("deep_gemm").get_child("__init__.py")
    for line in rctx.read(file).split("\n") if file.exists else []:
        name, _, value = line.partition("=")
        if name.strip() == "__version__":
            return value.partition("#")[0].strip().strip("'\"")
    return fail("deepgemm.local: {} has no line `__version__ = …`: name the root of a DeepGEMM checkout".format(file))

def _pinned_version(rctx):
    pins = []
    for line in rctx.read(rctx.attr.requirements).split("\n"):
        name, pinned, version = line.partition("#")[0].partition("==")
        if pinned and not name.strip().startswith("-"):
            pins.append(version.replace(";", " ").replace("\\", " ").strip().split(" ")[0])
    if len(pins) != 1:
        fail("deepgemm.sdist: {} pins {} packages; expected one, such as `deepinfer-gemm==2.8.2 --hash=…`".format(
            rctx.attr.requirements,
            len(pins),
        ))
    return pins[0]

def _deepgemm_version_repo_impl(rctx):
    version = _pinned_version(rctx) if rctx.attr.requirements else _checkout_version(rctx)
    rctx.file("BUILD.bazel", 'exports_files(["version.bzl"])\n', executable = False)
    rctx.file("version.bzl", _VERSION_BZL.format(repr(version)), executable = False)

deepgemm_version_repo = repository_rule(
    implementation = _deepgemm_version_repo_impl,
    doc = "`version.bzl` with `VERSION`: of the sdist that a requirement file pins, or `__version__` of a checkout.",
    attrs = {
        "path": PATH,
        "requirements": attr.label(
            doc = "The requirement file that pins the sdist with ==. Default: none; the checkout at `path` counts.",
        ),
    },
)
