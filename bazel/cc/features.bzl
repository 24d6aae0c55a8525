"""The features of the hermetic GCC that are not flags of its own tree: build modes, sanitizers, coverage, run paths.

Names and flags are those of Bazel's own GCC toolchain (rules_cc's unix_cc_toolchain_config.bzl), so that what people
set with `features = […]` and `--features=…` means the same here.
"""

load("@rules_cc//cc:action_names.bzl", "ACTION_NAMES")
load("@rules_cc//cc:cc_toolchain_config_lib.bzl", "feature", "flag_group", "flag_set", "with_feature_set")

visibility(["//bazel/...", "//tests/..."])

COMPILE_ACTIONS = [
    ACTION_NAMES.assemble,
    ACTION_NAMES.c_compile,
    ACTION_NAMES.clif_match,
    ACTION_NAMES.cpp_compile,
    ACTION_NAMES.cpp_header_parsing,
    ACTION_NAMES.cpp_module_codegen,
    ACTION_NAMES.cpp_module_compile,
    ACTION_NAMES.linkstamp_compile,
    ACTION_NAMES.lto_backend,
    ACTION_NAMES.preprocess_assemble,
]

CPP_COMPILE_ACTIONS = [
    ACTION_NAMES.clif_match,
    ACTION_NAMES.cpp_compile,
    ACTION_NAMES.cpp_header_parsing,
    ACTION_NAMES.cpp_module_codegen,
    ACTION_NAMES.cpp_module_compile,
    ACTION_NAMES.linkstamp_compile,
    ACTION_NAMES.lto_backend,
]

LINK_ACTIONS = [
    ACTION_NAMES.cpp_link_dynamic_library,
    ACTION_NAMES.cpp_link_executable,
    ACTION_NAMES.cpp_link_nodeps_dynamic_library,
]

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
    # The sanitizers' own advice: readable stacks, and no call that the compiler has merged with another.
    return feature(
        name = name,
        flag_sets = [
            flags(COMPILE_ACTIONS, compile_flags + ["-fno-omit-frame-pointer", "-fno-sanitize-recover=all"]),
            flags(LINK_ACTIONS, link_flags),
        ],
    )

def _run_paths(name, origin, **kwargs):
    # -Xlinker, for a directory may have a comma in its name.
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

        # Bazel gives a library with shared libraries of its own the way to them in the output tree. In a wheel that way
        # leads nowhere, or where somebody else may put something: `features = ["no_solib_rpaths"]` leaves it out.
        feature(name = "no_solib_rpaths"),
        feature(
            name = "runtime_library_search_directories",
            flag_sets = [_run_paths("no_solib_rpaths", "$ORIGIN")],
        ),

        # The runtimes are linked statically: Debian's shared ones are newer than most systems' glibc. GCC leaves them
        # out of shared libraries, which take them from the program that loads them.
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
