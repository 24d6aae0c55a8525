"""Repository rule: elfutils' headers, which DeepGEMM compiles against and never links (it loads libdw at run time)."""

load("//bazel/fetch:host_python.bzl", "run_module")

_LOCK = Label("//third_party/debian:elfutils.lock.json")

def _elfutils_repo_impl(rctx):
    rctx.watch(_LOCK)
    run_module(
        rctx,
        "bazel.fetch.debian",
        ["fetch", "--lock", rctx.path(_LOCK), "--out", rctx.path("root"), "--origin", "third_party/debian/elfutils.lock.json"],
    )
    for path in ["usr/lib", "usr/bin", "usr/share/man"]:
        rctx.delete("root/" + path)
    rctx.template("BUILD.bazel", Label(":elfutils.BUILD.bazel"), executable = False)

elfutils_repo = repository_rule(
    implementation = _elfutils_repo_impl,
    doc = "Headers of libdw and libelf out of Debian packages locked by version and SHA-256.",
)
