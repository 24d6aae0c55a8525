"""Repository rule: Python packages pinned by hash, unpacked into one directory."""

load("//bazel/fetch:pip.bzl", "pip_fetch")

visibility(["//bazel/...", "//tests/..."])

def _pip_repo_impl(rctx):
    pip_fetch(rctx, rctx.attr.requirements, "site")
    rctx.file("BUILD.bazel", rctx.read(rctx.attr.build_file))

pip_repo = repository_rule(
    implementation = _pip_repo_impl,
    doc = "Unpacks wheels that serve every CPython into one `site` directory, as an installer would.",
    attrs = {
        "build_file": attr.label(
            doc = "The BUILD file of the repository.",
            mandatory = True,
        ),
        "requirements": attr.label(
            doc = "Requirement file in which every package has == and --hash.",
            mandatory = True,
        ),
    },
)
