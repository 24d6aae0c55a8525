"""Repository rule: GCC 14 and a sysroot out of Debian packages, as a `cc_toolchain`."""

load("//bazel/fetch:debian.bzl", "debian_packages")
load("//bazel/fetch:host_python.bzl", "fail_fetch", "run_module")
load("//bazel/platforms:cpus.bzl", "CPUS", "machine_cpu")

visibility(["//bazel/...", "//tests/..."])

_WHAT = "the hermetic C++ compiler"

_OTHER_SYSTEM = """\
its programs run on Linux on x86_64 and this is {system}. Register another C++ toolchain (register_toolchains in \
MODULE.bazel, or --extra_toolchains), or build with --@rules_deepgemm//bazel/cc:hermetic=false, which takes the machine's \
own compiler: GCC 13 or newer"""

_COMPAT = [Label("//bazel/cc:compat/" + name) for name in [
    "facets.cc",
    "facets_cow.cc",
    "glibc.c",
    "libstdcxx.cc",
]]

def _gcc_repo_impl(rctx):
    if rctx.os.name != "linux" or machine_cpu(rctx) != "x86_64":
        fail_fetch(rctx, _OTHER_SYSTEM.format(system = "{} on {}".format(rctx.os.name, rctx.os.arch)), _WHAT)
    for label in _COMPAT:
        rctx.watch(label)
    debian_packages(rctx, rctx.attr.gcc_lock, "gcc", _WHAT)
    debian_packages(rctx, rctx.attr.sysroot_lock, "sysroot", _WHAT)
    rctx.report_progress("relocating GCC 14 for " + rctx.attr.cpu)
    run_module(
        rctx,
        "bazel.cc.gcc_tree",
        [
            "--compat",
            rctx.path(_COMPAT[0]).dirname,
            "--tree",
            rctx.path("."),
            "--prefix",
            "external/" + rctx.name,
        ],
        what = _WHAT,
    )
    rctx.template("BUILD.bazel", Label(":gcc.BUILD.bazel"), executable = False, substitutions = {
        "{CPU}": rctx.attr.cpu,
    })

gcc_repo = repository_rule(
    implementation = _gcc_repo_impl,
    doc = "`:cc_toolchain`, a GCC 14 that reads nothing of the machine, with the glibc and libstdc++ of an older system.",
    attrs = {
        "cpu": attr.string(
            doc = "The CPU that the compiler compiles for. The compiler itself runs on x86-64.",
            mandatory = True,
            values = CPUS.keys(),
        ),
        "gcc_lock": attr.label(
            doc = "Lock file (bazel/fetch/debian_lock.py) of the compiler's packages: GCC 14, binutils, patchelf, and " +
                  "the libraries that they run with.",
            mandatory = True,
        ),
        "sysroot_lock": attr.label(
            doc = "Lock file of the sysroot's packages: libc6-dev and libstdc++6 of an older suite. Symbols newer " +
                  "than manylinux_2_28 are hidden in it.",
            mandatory = True,
        ),
    },
)
