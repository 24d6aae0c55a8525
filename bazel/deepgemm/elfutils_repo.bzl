"""Repository rule: elfutils' headers. DeepGEMM compiles against them and never links; it loads libdw at run time."""

load("//bazel/fetch:debian.bzl", "debian_packages")

visibility(["//bazel/...", "//tests/..."])

def _elfutils_repo_impl(rctx):
    debian_packages(rctx, Label("//third_party/debian:elfutils.lock.json"), "root")
    for path in ["usr/lib", "usr/bin", "usr/share/man"]:
        rctx.delete("root/" + path)
    rctx.template("BUILD.bazel", Label(":elfutils.BUILD.bazel"), executable = False)

elfutils_repo = repository_rule(
    implementation = _elfutils_repo_impl,
    doc = "Headers of libdw and libelf out of Debian packages locked by version and SHA-256.",
)
