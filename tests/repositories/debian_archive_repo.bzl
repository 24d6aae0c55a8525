"""Repository rule: the .deb files of locks, each at its path in a mirror, for tests that serve them."""

load("//bazel/fetch:debian.bzl", "download_debian_packages", "read_debian_lock")
load("//bazel/fetch:host_python.bzl", "fail_fetch")

visibility(["//tests/..."])

_BUILD = """\
filegroup(
    name = "files",
    srcs = glob(["pool/**"]),
    visibility = ["//visibility:public"],
)
"""

def _debian_archive_repo_impl(rctx):
    for label in rctx.attr.locks:
        error = download_debian_packages(rctx, read_debian_lock(rctx, label), ".", keep_paths = True).error
        if error:
            fail_fetch(rctx, error)
    rctx.file("BUILD.bazel", _BUILD, executable = False)

debian_archive_repo = repository_rule(
    implementation = _debian_archive_repo_impl,
    doc = "`:files`, the packages of some locks below `pool/`, as a Debian mirror has them.",
    attrs = {
        "locks": attr.label_list(doc = "The lock files.", mandatory = True),
    },
)
