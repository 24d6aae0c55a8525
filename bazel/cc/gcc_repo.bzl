"""Repository rule: GCC 14 and a sysroot out of Debian packages, as a `cc_toolchain`."""

load("//bazel/fetch:host_python.bzl", "run_module")

_FLAG = "@rules_deepgemm//bazel/cc:hermetic"

_OTHER_WAYS = """\
The hermetic C++ compiler comes out of Debian packages, fetched with this machine's own apt; {found}.
Two ways on: build with --config=host_cc (elsewhere than in rules_deepgemm: --{flag}=false), which takes the machine's own
compiler, GCC 13 or newer; or register another C++ toolchain ahead of this one (register_toolchains in MODULE.bazel, or
--extra_toolchains)."""

_COMPAT = [Label("//bazel/cc:compat/" + name) for name in [
    "facets.cc",
    "facets_cow.cc",
    "glibc.c",
    "libstdcxx.cc",
    "to_chars.cc",
]]

def _gcc_repo_impl(rctx):
    # Before any work: a person without apt is to read the two ways on, and nothing else.
    missing = [tool for tool in ["apt-get", "apt-cache", "dpkg-deb"] if not rctx.which(tool)]
    system = "{} {}".format(rctx.os.name, rctx.os.arch)
    if rctx.os.name != "linux" or rctx.os.arch not in ["amd64", "x86_64"]:
        fail(_OTHER_WAYS.format(found = "they are for Linux on x86_64 and this is " + system, flag = _FLAG))
    if missing:
        fail(_OTHER_WAYS.format(found = "there is no " + " and no ".join(missing) + " here", flag = _FLAG))

    # Who wants nothing but what is locked does not keep what was taken in its place.
    rctx.getenv("RULES_DEEPGEMM_DEBIAN_STRICT")
    rctx.report_progress("GCC 14 and a sysroot out of Debian packages, about 70 MB to fetch")
    for label in [rctx.attr.gcc_lock, rctx.attr.sysroot_lock] + _COMPAT:
        rctx.watch(label)
    run_module(
        rctx,
        "bazel.cc.gcc_tree",
        [
            "--gcc-lock",
            rctx.path(rctx.attr.gcc_lock),
            "--sysroot-lock",
            rctx.path(rctx.attr.sysroot_lock),
            "--compat",
            rctx.path(_COMPAT[0]).dirname,
            "--out",
            rctx.path("."),
            "--prefix",
            "external/" + rctx.name,
        ],
        what = "the hermetic C++ compiler",
    )
    rctx.template("BUILD.bazel", Label(":gcc.BUILD.tpl"), executable = False, substitutions = {
        "{CC_TOOLCHAIN_CONFIG}": str(Label(":cc_toolchain_config.bzl")),
    })

gcc_repo = repository_rule(
    implementation = _gcc_repo_impl,
    doc = "`:cc_toolchain`, a GCC 14 that reads nothing of the machine, with the glibc and libstdc++ of an older system.",
    attrs = {
        "gcc_lock": attr.label(
            doc = "Lock file (bazel/fetch/debian.py) of the compiler's packages: GCC 14, binutils, patchelf, and " +
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
