"""The rule without_python: C++ dependencies for a library that every CPython loads."""

load("@rules_cc//cc:defs.bzl", "CcInfo", "cc_common")

visibility(["//bazel/...", "//tests/..."])

def _is_of_python(library):
    """Whether this is libtorch_python, which each CPython's torch has its own of."""
    files = [library.interface_library, library.dynamic_library, library.resolved_symlink_interface_library]
    return any([file.basename.startswith("libtorch_python.") for file in files if file])

def _without_python_impl(ctx):
    info = cc_common.merge_cc_infos(cc_infos = [dep[CcInfo] for dep in ctx.attr.deps])
    linker_inputs = [
        cc_common.create_linker_input(
            additional_inputs = depset(input.additional_inputs),
            libraries = depset([library for library in input.libraries if not _is_of_python(library)]),
            owner = input.owner,
            user_link_flags = input.user_link_flags,
        )
        for input in info.linking_context.linker_inputs.to_list()
    ]
    return [CcInfo(
        compilation_context = info.compilation_context,
        linking_context = cc_common.create_linking_context(linker_inputs = depset(linker_inputs, order = "topological")),
    )]

without_python = rule(
    implementation = _without_python_impl,
    doc = "The C++ dependencies of an operator library: `deps` without libtorch_python.",
    attrs = {
        "deps": attr.label_list(
            doc = "C++ targets, torch among them.",
            mandatory = True,
            providers = [CcInfo],
        ),
    },
    provides = [CcInfo],
)
