"""The repository of Python libraries that this project's own tools and tests use."""

load("//bazel/fetch:pip.bzl", "pip_fetch")

def _pip_repo_impl(rctx):
    pip_fetch(rctx, rctx.attr.requirements, "site")
    rctx.file("BUILD.bazel", rctx.read(rctx.attr.build_file))

pip_repo = repository_rule(
    implementation = _pip_repo_impl,
    doc = "Fetches pure-Python wheels pinned by hash into one `site` directory with a `py_library` for each.",
    attrs = {
        "build_file": attr.label(
            doc = "The BUILD file of the repository.",
            default = Label("//third_party/pip:site.BUILD.bazel"),
        ),
        "requirements": attr.label(
            doc = "Requirement file, every line pinned with == and --hash.",
            default = Label("//third_party/pip:requirements.txt"),
        ),
    },
)
