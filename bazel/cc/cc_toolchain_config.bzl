"""`gcc_toolchain_config`: how to call the GCC of a tree that gcc_tree.py made.

rules_cc's `unix_cc_toolchain_config` is not used: its flags would do, but it always puts Bazel's run paths into a
library (no `no_solib_rpaths`), and has no place for libraries of the toolchain ahead of the compiler's own. What is not
defined here or in features.bzl (dependency files, PIC, include paths, archives, link order, strip, profile feedback,
`-frandom-seed`, …) is what Bazel adds to every C++ toolchain on its own.

Left out, because the parts are missing or bring nothing here: split debug information (`--fission`; its linker side
needs gold), `--start-lib` and interface libraries (gold or lld), `static_link_cpp_runtimes` (`-static-libgcc` and
`-static-libstdc++` as link options work), layering checks and module maps (Clang), header parsing.
"""

load("@rules_cc//cc:cc_toolchain_config_lib.bzl", "feature", "tool_path")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/toolchains:cc_toolchain_config_info.bzl", "CcToolchainConfigInfo")
load(":features.bzl", "COMPILE_ACTIONS", "CPP_COMPILE_ACTIONS", "LINK_ACTIONS", "common_features", "flags", "in_mode")

_TARGET = "x86_64-linux-gnu"

# From the name of Bazel's tool to its file in gcc/usr/bin. Bazel wants to know of dwp, too, but calls it for fission only.
_TOOLS = {
    "ar": "ar",
    "cpp": "cpp",
    "dwp": "gcc",
    "gcc": "gcc",
    "gcov": "gcov",
    "ld": "ld",
    "nm": "nm",
    "objcopy": "objcopy",
    "objdump": "objdump",
    "strip": "strip",
}

def _after_all_others(directories):
    # As a compiler has its own directories: -I and -isystem come first, and #include_next finds them from there.
    return [flag for directory in directories for flag in ["-idirafter", directory]]

def _gcc_toolchain_config_impl(ctx):
    root = ctx.label.workspace_root
    gcc, sysroot = root + "/gcc", root + "/sysroot"
    gcc_include = "{}/usr/lib/gcc/{}/14/include".format(gcc, _TARGET)
    cpp_include = "{}/usr/include/c++/14".format(gcc)

    # Debian's GCC makes the built-in directories absolute, which neither the cache nor Bazel's check of the included
    # files can have: none of them, and each by its relative path. -B: its own `as` and `ld`, not the machine's.
    driver = ["-no-canonical-prefixes", "-B{}/usr/bin".format(gcc)]
    compile_flags = [
        "-nostdinc",
        "-fno-canonical-system-headers",
        "-U_FORTIFY_SOURCE",
        "-fstack-protector",
        "-Wall",
        "-Wunused-but-set-parameter",
        "-Wno-free-nonheap-object",
        "-fno-omit-frame-pointer",
        # Bazel sets PWD so for each action; no debug information names the directory that it ran in.
        "-ffile-prefix-map=/proc/self/cwd=.",
    ]
    features = common_features() + [
        feature(name = "default_compile_flags", enabled = True, flag_sets = [
            flags(COMPILE_ACTIONS, driver + compile_flags),
            flags(COMPILE_ACTIONS, ["-g"], with_features = in_mode("dbg")),
            flags(
                COMPILE_ACTIONS,
                ["-g0", "-O2", "-D_FORTIFY_SOURCE=1", "-DNDEBUG", "-ffunction-sections", "-fdata-sections"],
                with_features = in_mode("opt"),
            ),
            flags(CPP_COMPILE_ACTIONS, ["-std=c++17", "-nostdinc++"] + _after_all_others([
                cpp_include,
                "{}/usr/include/{}/c++/14".format(gcc, _TARGET),
                cpp_include + "/backward",
            ])),
            flags(COMPILE_ACTIONS, _after_all_others([
                gcc_include,
                "{}/usr/include/{}".format(sysroot, _TARGET),
                sysroot + "/usr/include",
            ])),
        ]),
        feature(name = "unfiltered_compile_flags", enabled = True, flag_sets = [flags(COMPILE_ACTIONS, [
            "-Wno-builtin-macro-redefined",
            "-D__DATE__=\"redacted\"",
            "-D__TIMESTAMP__=\"redacted\"",
            "-D__TIME__=\"redacted\"",
        ])]),
        feature(name = "default_link_flags", enabled = True, flag_sets = [
            flags(LINK_ACTIONS, driver + [
                # Ahead of the libraries that the compiler itself runs with, which lie in its search path.
                "-L{}/lib".format(root),
                "-L{}/usr/lib/{}".format(sysroot, _TARGET),
                "-L{}/lib/{}".format(sysroot, _TARGET),
                "-Wl,-z,relro,-z,now",
                # What is linked statically of the compiler's libraries is nobody else's to use.
                "-Wl,--exclude-libs,libcompat_glibc.a:libcompat_libstdcxx.a:libgcc.a:libgcc_eh.a:libstdc++.a:" +
                "libstdc++_nonshared.a",
            ]),
            flags(LINK_ACTIONS, ["-Wl,--gc-sections"], with_features = in_mode("opt")),
        ]),
        feature(name = "default_link_libs", enabled = True, flag_sets = [
            # Until glibc 2.34 threads and dlopen were libraries of their own; who builds on a newer one forgets them.
            flags(LINK_ACTIONS, ["-Wl,--push-state,--as-needed", "-lstdc++", "-lm", "-lpthread", "-ldl", "-Wl,--pop-state"]),
        ]),
    ]
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        features = features,
        toolchain_identifier = "rules_deepgemm-gcc-14",
        target_system_name = _TARGET,
        target_cpu = "k8",
        target_libc = "glibc_2.31",
        compiler = "gcc",
        abi_version = "gcc",
        abi_libc_version = "glibc_2.31",
        builtin_sysroot = sysroot,
        tool_paths = [tool_path(name = name, path = "gcc/usr/bin/" + file) for name, file in _TOOLS.items()],
    )

gcc_toolchain_config = rule(
    implementation = _gcc_toolchain_config_impl,
    doc = "The configuration of the GCC in this target's own repository.",
    provides = [CcToolchainConfigInfo],
)
