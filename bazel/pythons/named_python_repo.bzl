"""Repository rule: a CPython whose headers a tag names, as a `python_abi` around the user's targets."""

visibility(["//bazel/...", "//tests/..."])

def _named_python_repo_impl(rctx):
    rctx.template("BUILD.bazel", Label(":named_python.BUILD.bazel"), executable = False, substitutions = {
        "{HEADERS}": str(rctx.attr.headers),
        "{INTERPRETER}": str(rctx.attr.interpreter or ""),
        "{VERSION}": rctx.attr.python_version,
    })

named_python_repo = repository_rule(
    implementation = _named_python_repo_impl,
    doc = "A CPython made of targets that the user named. This repository searches and fetches nothing.",
    attrs = {
        "headers": attr.label(doc = "A target with CcInfo.", mandatory = True),
        "interpreter": attr.label(doc = "An executable or a `py_runtime`. Default: none."),
        "python_version": attr.string(doc = "Major and minor version, such as `3.12`.", mandatory = True),
    },
)
