"""Repository rule: a CPython that is registered with rules_python, as a `python_abi` around its toolchains."""

visibility(["//bazel/...", "//tests/..."])

def _registered_python_repo_impl(rctx):
    # rules_python has header toolchains since 0.24, and since 0.31 a flag that takes a minor version. `features.bzl` first
    # shipped in 0.33: probe for it, because the version itself is not exposed.
    if not rctx.path(rctx.attr._rules_python).dirname.get_child("features.bzl").exists:
        fail("pythons.registered: CPython {}: the rules_python of this build is too old; expected 0.33 or newer. ".format(
            rctx.attr.python_version,
        ) + "Ask for one in MODULE.bazel: bazel_dep(name = \"rules_python\", version = …)")
    rctx.template("BUILD.bazel", Label(":registered_python.BUILD.bazel"), executable = False, substitutions = {
        "{VERSION}": rctx.attr.python_version,
    })

registered_python_repo = repository_rule(
    implementation = _registered_python_repo_impl,
    doc = "A CPython of rules_python's toolchains. This repository searches and fetches nothing.",
    attrs = {
        "python_version": attr.string(doc = "Major and minor version, such as `3.12`.", mandatory = True),
        "_rules_python": attr.label(default = "@rules_python//python:BUILD.bazel"),
    },
)
