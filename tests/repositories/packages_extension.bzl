"""Module extension for the modules that tests write: a repository with the packages of a lock of theirs."""

load("//bazel/fetch:debian.bzl", "debian_packages")

visibility(["//tests/..."])

def _packages_repo_impl(rctx):
    debian_packages(rctx, rctx.attr.lock, "root", "packages for a test")
    rctx.file("BUILD.bazel")

_packages_repo = repository_rule(
    implementation = _packages_repo_impl,
    doc = "The unpacked packages of a lock, below `root/`.",
    attrs = {"lock": attr.label(doc = "The lock file.", mandatory = True)},
)

def _packages_impl(mctx):
    for module in mctx.modules:
        for tag in module.tags.fetch:
            _packages_repo(name = "packages", lock = tag.lock)

packages = module_extension(
    implementation = _packages_impl,
    doc = "Makes the repository `packages`.",
    tag_classes = {
        "fetch": tag_class(
            doc = "The lock whose packages the repository has.",
            attrs = {"lock": attr.label(doc = "The lock file.", mandatory = True)},
        ),
    },
)
