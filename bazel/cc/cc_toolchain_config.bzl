"""`gcc_toolchain_config`: how to call the GCC of a tree that gcc_tree.py made.

It does not use rules_cc's `unix_cc_toolchain_config`, which has no `no_solib_rpaths` and no place for libraries ahead of
the compiler's own. Bazel adds to every C++ toolchain what is defined neither here nor in features.bzl: dependency files,
PIC, include paths, archives, link order, strip, profile feedback, `-frandom-seed` and more. What the features are for:
docs/compiler.md.

Not supported, because the parts are missing or bring nothing here: split debug information (`--fission`; its linker side
needs gold), `--start-lib` and interface libraries (gold or lld), `static_link_cpp_runtimes` (`-static-libgcc` and
`-static-libstdc++` as link options work), layering checks and module maps (Clang), header parsing.
"""

load("@rules_cc//cc:cc_toolchain_config_lib.bzl", "feature", "tool_path")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/toolchains:cc_toolchain_config_info.bzl", "CcToolchainConfigInfo")
load("//bazel/platforms:cpus.bzl", "CPUS")
load(
    ":features.bzl",
    "COMPILE_ACTIONS",
    "CPP_COMPILE_ACTIONS",
    "LINK_ACTIONS",
    "common_features",
    "file_prefix_map",
    "flags",
    "in_mode",
    "whole_program",
)

# The header of the feature whole_program: an input of every compile action.
MODULE_INIT = Label("//bazel/cc:module_init.h")

# Public by necessity: the repository of the compiler loads it. No interface: it may change at any time.
visibility("public")

# Bazel's names of tools, and their files in gcc/usr/bin. Bazel demands a dwp, but calls it for fission only.
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
    # -idirafter: searched after -I and -isystem, like a compiler's built-in directories, so that #include_next works.
    return [flag for directory in directories for flag in ["-idirafter", directory]]

def _gcc_toolchain_config_impl(ctx):
    root = ctx.label.workspace_root
    target = CPUS[ctx.attr.cpu].triplet
    gcc, sysroot = root + "/gcc", root + "/sysroot"
    gcc_include = "{}/usr/lib/{}/{}/14/include".format(gcc, "gcc" if ctx.attr.cpu == "x86_64" else "gcc-cross", target)
    cpp_include = "{}/usr/include/c++/14".format(gcc)

    # -nostdinc below, and each directory by its relative path: Debian's GCC makes its built-in directories absolute,
    # which Bazel's check of included files rejects. -B: GCC's own `as` and `ld` instead of the machine's.
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
        # Bazel sets PWD to /proc/self/cwd; debug information then has no absolute path.
        "-ffile-prefix-map=/proc/self/cwd=.",
        # Debug information without GCC's command line, which has paths of external repositories.
        "-gno-record-gcc-switches",
    ]
    features = common_features() + [
        file_prefix_map([(gcc, ""), (sysroot, "")]),
        whole_program(ctx.file.module_init.path),
        feature(name = "default_compile_flags", enabled = True, flag_sets = [
            flags(COMPILE_ACTIONS, driver + compile_flags),
            flags(COMPILE_ACTIONS, ["-g"], with_features = in_mode("dbg")),
            flags(
                COMPILE_ACTIONS,
                ["-g0", "-O2", "-D_FORTIFY_SOURCE=1", "-DNDEBUG", "-ffunction-sections", "-fdata-sections"],
                with_features = in_mode("opt"),
            ),
            # -Wno-dangling-reference: false positives in GCC 13 and newer.
            flags(CPP_COMPILE_ACTIONS, ["-std=c++17", "-Wno-dangling-reference", "-nostdinc++"] + _after_all_others([
                cpp_include,
                "{}/usr/include/{}/c++/14".format(gcc, target),
                cpp_include + "/backward",
            ])),
            flags(COMPILE_ACTIONS, _after_all_others([
                gcc_include,
                "{}/usr/include/{}".format(sysroot, target),
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
                # Ahead of GCC's own search path, where the libraries lie that the compiler itself runs with.
                "-L{}/lib".format(root),
                "-L{}/usr/lib/{}".format(sysroot, target),
                "-L{}/lib/{}".format(sysroot, target),
                "-Wl,-z,relro,-z,now",
                # A shared library does not export what it links statically from the compiler's libraries.
                "-Wl,--exclude-libs,libcompat_glibc.a:libcompat_libstdcxx.a:libgcc.a:libgcc_eh.a:libstdc++.a:" +
                "libstdc++_nonshared.a",
            ]),
            flags(LINK_ACTIONS, ["-Wl,--gc-sections"], with_features = in_mode("opt")),
        ]),
        feature(name = "default_link_libs", enabled = True, flag_sets = [
            # glibc < 2.34 needs -lpthread and -ldl explicitly; code written on newer systems omits them.
            flags(LINK_ACTIONS, ["-Wl,--push-state,--as-needed", "-lstdc++", "-lm", "-lpthread", "-ldl", "-Wl,--pop-state"]),
        ]),
    ]
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        features = features,
        toolchain_identifier = "rules_deepgemm-gcc-14",
        target_system_name = target,
        # Bazel's old name for x86-64.
        target_cpu = "k8" if ctx.attr.cpu == "x86_64" else ctx.attr.cpu,
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
    attrs = {
        "cpu": attr.string(
            doc = "The CPU that the compiler compiles for.",
            mandatory = True,
            values = CPUS.keys(),
        ),
        "module_init": attr.label(
            doc = "The header that the feature `whole_program` includes.",
            allow_single_file = True,
            default = MODULE_INIT,
        ),
    },
    provides = [CcToolchainConfigInfo],
)
