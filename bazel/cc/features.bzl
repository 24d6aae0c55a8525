"""Features of the hermetic GCC: build modes, sanitizers, coverage, run paths, whole programs, smaller code.

Where Bazel's own GCC toolchain (rules_cc's unix_cc_toolchain_config.bzl) has a feature, its name and flags are the same
here. `file_prefix_map`, `no_solib_rpaths`, `smaller_code` and `whole_program` are this toolchain's own; another toolchain
ignores them. docs/compiler.md has a table.
"""

load("@rules_cc//cc:action_names.bzl", "ACTION_NAMES", "ACTION_NAME_GROUPS")
load("@rules_cc//cc:cc_toolchain_config_lib.bzl", "feature", "flag_group", "flag_set", "with_feature_set")

visibility(["//bazel/...", "//tests/..."])

COMPILE_ACTIONS = ACTION_NAME_GROUPS.all_cc_compile_actions
CPP_COMPILE_ACTIONS = ACTION_NAME_GROUPS.all_cpp_compile_actions
LINK_ACTIONS = ACTION_NAME_GROUPS.all_cc_link_actions

def flags(actions, flags, **kwargs):
    """A flag set of fixed flags.

    Args:
        actions: names of the actions.
        flags: the flags, in order.
        **kwargs: `with_features`.

    Returns:
        The flag set.
    """
    return flag_set(actions = actions, flag_groups = [flag_group(flags = flags)], **kwargs)

def in_mode(mode):
    """The condition that the compilation mode is `mode` (opt, dbg or fastbuild)."""
    return [with_feature_set(features = [mode])]

def _sanitizer(name, compile_flags, link_flags):
    # Frame pointers, as the sanitizers' documentation advises: readable stacks.
    return feature(
        name = name,
        flag_sets = [
            flags(COMPILE_ACTIONS, compile_flags + ["-fno-omit-frame-pointer", "-fno-sanitize-recover=all"]),
            flags(LINK_ACTIONS, link_flags),
        ],
    )

def _run_paths(name, origin, **kwargs):
    # -Xlinker instead of -Wl: a directory may have a comma in its name.
    return flag_set(
        actions = LINK_ACTIONS,
        flag_groups = [flag_group(
            iterate_over = "runtime_library_search_directories",
            expand_if_available = "runtime_library_search_directories",
            flag_groups = [flag_group(
                flags = ["-Xlinker", "-rpath", "-Xlinker", origin + "/%{runtime_library_search_directories}"],
                **kwargs
            )],
        )],
        with_features = [with_feature_set(not_features = [name])],
    )

def file_prefix_map(directories):
    """The feature `file_prefix_map`: output names no external repository.

    `__FILE__`, std::source_location and debug information name a file by its path in its repository: `csrc/x.h` for
    `external/name/csrc/x.h`. Canonical names of repositories differ between modules and between releases of Bazel.

    The repositories are those on the search path for quoted includes: Bazel puts a target's own and those of its
    dependencies there. Not for coverage, whose reports need the paths.

    Args:
        directories: further pairs of a directory and what replaces it.

    Returns:
        The feature, enabled by default.
    """
    return feature(
        name = "file_prefix_map",
        enabled = True,
        flag_sets = [flag_set(
            actions = COMPILE_ACTIONS,
            flag_groups = [
                flag_group(flags = ["-ffile-prefix-map={}={}".format(old, new) for old, new in directories]),
                flag_group(
                    flags = ["-ffile-prefix-map=%{quote_include_paths}/="],
                    iterate_over = "quote_include_paths",
                    expand_if_available = "quote_include_paths",
                ),
            ],
            with_features = [with_feature_set(not_features = ["coverage"])],
        )],
    )

def whole_program(module_init):
    """The feature `whole_program`: the one source of a target is all of a program or Python module.

    GCC then exports nothing but `main`, or `PyInit_<module>`, and compiles nothing that the source itself does not call.

    Args:
        module_init: path of module_init.h.

    Returns:
        The feature.
    """
    return feature(
        name = "whole_program",
        flag_sets = [flags(
            [ACTION_NAMES.c_compile, ACTION_NAMES.cpp_compile],
            [
                "-fwhole-program",
                "-include",
                module_init,
                # Disable GCC's garbage collector: for DeepGEMM this saves 2 s and takes the memory that -fwhole-program
                # saves.
                "--param=ggc-min-heapsize=4194304",
            ],
        )],
    )

def common_features():
    """Features that need nothing of the tree.

    Returns:
        A list of features.
    """
    return [
        feature(name = "opt"),
        feature(name = "dbg"),
        feature(name = "fastbuild"),
        feature(name = "supports_pic", enabled = True),
        feature(name = "supports_dynamic_linker", enabled = True),
        feature(name = "gcc_quoting_for_param_files", enabled = True),
        feature(name = "archive_param_file", enabled = True),

        # Bazel gives a library a RUNPATH to its shared libraries in the output tree. In a wheel, that directory does not
        # exist, or another user may have made it: `features = ["no_solib_rpaths"]` leaves the RUNPATH out.
        feature(name = "no_solib_rpaths"),
        feature(
            name = "runtime_library_search_directories",
            flag_sets = [_run_paths("no_solib_rpaths", "$ORIGIN")],
        ),

        # Smaller code, no slower for DeepGEMM (docs/gpu.md): GCC does not move rarely executed blocks into functions of
        # their own, and does not align the targets of jumps.
        feature(name = "smaller_code", flag_sets = [flags(
            [ACTION_NAMES.c_compile, ACTION_NAMES.cpp_compile],
            ["-fno-reorder-blocks-and-partition", "-fno-align-jumps", "-fno-align-labels", "-fno-align-loops"],
        )]),

        # The runtimes are linked statically: Debian's shared ones need a newer glibc than most systems have. GCC leaves
        # them out of shared libraries, which take them from the program that loads them.
        _sanitizer("asan", ["-fsanitize=address", "-fno-common"], ["-fsanitize=address", "-static-libasan"]),
        _sanitizer("ubsan", ["-fsanitize=undefined"], ["-fsanitize=undefined", "-static-libubsan"]),
        _sanitizer("tsan", ["-fsanitize=thread"], ["-fsanitize=thread", "-static-libtsan"]),
        _sanitizer("lsan", ["-fsanitize=leak", "-fno-common"], ["-fsanitize=leak", "-static-liblsan"]),
        feature(
            name = "coverage",
            provides = ["profile"],
            flag_sets = [
                flags(
                    [
                        ACTION_NAMES.c_compile,
                        ACTION_NAMES.cpp_compile,
                        ACTION_NAMES.cpp_header_parsing,
                        ACTION_NAMES.cpp_module_compile,
                        ACTION_NAMES.preprocess_assemble,
                    ],
                    ["--coverage"],
                ),
                flags(LINK_ACTIONS, ["--coverage"]),
            ],
        ),
        feature(
            name = "treat_warnings_as_errors",
            flag_sets = [
                flags([ACTION_NAMES.c_compile, ACTION_NAMES.cpp_compile], ["-Werror"]),
                flags(LINK_ACTIONS, ["-Wl,-fatal-warnings"]),
            ],
        ),
        feature(
            name = "generate_linkmap",
            flag_sets = [flag_set(
                actions = [ACTION_NAMES.cpp_link_executable],
                flag_groups = [flag_group(
                    flags = ["-Wl,-Map=%{output_execpath}.map"],
                    expand_if_available = "output_execpath",
                )],
            )],
        ),
        feature(
            name = "external_include_paths",
            flag_sets = [flag_set(
                actions = COMPILE_ACTIONS,
                flag_groups = [flag_group(
                    flags = ["-isystem", "%{external_include_paths}"],
                    iterate_over = "external_include_paths",
                    expand_if_available = "external_include_paths",
                )],
            )],
        ),
    ]
