"""Repository rule: a CPython whose headers a tag names, as a `python_abi` around the user's targets."""

visibility(["//bazel/...", "//tests/..."])

_BUILD = '''"""CPython {version}, as the pythons.toolchain tag names it."""

load("{python_abi_bzl}", "python_abi")

python_abi(
    name = "python",
    headers = "{headers}",{interpreter}
    python_version = "{version}",
    visibility = ["//visibility:public"],
)
'''

def _named_python_repo_impl(rctx):
    interpreter = rctx.attr.interpreter
    rctx.file("BUILD.bazel", _BUILD.format(
        headers = rctx.attr.headers,
        interpreter = '\n    interpreter = "{}",'.format(interpreter) if interpreter else "",
        python_abi_bzl = rctx.attr._python_abi_bzl,
        version = rctx.attr.python_version,
    ), executable = False)

named_python_repo = repository_rule(
    implementation = _named_python_repo_impl,
    doc = "A CPython made of targets that the user named. This repository searches and fetches nothing.",
    attrs = {
        "headers": attr.label(doc = "A target with CcInfo.", mandatory = True),
        "interpreter": attr.label(doc = "An executable or a `py_runtime`. Default: none."),
        "python_version": attr.string(doc = "Major and minor version, such as `3.12`.", mandatory = True),
        "_python_abi_bzl": attr.label(default = ":python_abi.bzl"),
    },
)
