"""The rule without_python: C++ dependencies that leave the choice of the Python to the extension."""

load("@rules_cc//cc:defs.bzl", "CcInfo", "cc_common")

visibility(["//bazel/...", "//tests/..."])

def _is_of_python(library):
    """Whether this is libtorch_python, which each CPython's torch has its own of."""
    files = [library.interface_library, library.dynamic_library, library.resolved_symlink_interface_library]
    return any([file.basename.startswith("libtorch_python.") for file in files if file])

def _linking(info):
    """The linking context without libtorch_python."""
    return cc_common.create_linking_context(linker_inputs = depset([
        cc_common.create_linker_input(
            additional_inputs = depset(input.additional_inputs),
            libraries = depset([library for library in input.libraries if not _is_of_python(library)]),
            owner = input.owner,
            user_link_flags = input.user_link_flags,
        )
        for input in info.linking_context.linker_inputs.to_list()
    ], order = "topological"))

def _compilation(info):
    """The compilation context without the directories that have a Python.h."""
    context = info.compilation_context
    pythons = [header.dirname for header in context.headers.to_list() if header.basename == "Python.h"]
    if not pythons:
        return context

    def without(directories):
        return depset([directory for directory in directories.to_list() if directory not in pythons])

    return cc_common.create_compilation_context(
        defines = context.defines,
        framework_includes = context.framework_includes,
        headers = context.headers,
        includes = without(context.includes),
        quote_includes = context.quote_includes,
        system_includes = depset(transitive = [
            without(context.system_includes),
            without(getattr(context, "external_includes", depset())),
        ]),
    )

def _without_python_impl(ctx):
    info = cc_common.merge_cc_infos(cc_infos = [dep[CcInfo] for dep in ctx.attr.deps])
    return [CcInfo(
        compilation_context = _compilation(info),
        linking_context = _linking(info) if ctx.attr.operators else info.linking_context,
    )]

without_python = rule(
    implementation = _without_python_impl,
    doc = "`deps` without the search path of a Python's headers: a library such as pybind11_bazel's `@pybind11` brings those of " +
          "one Python, and its directory would come before that of the Python which the extension is compiled for.",
    attrs = {
        "deps": attr.label_list(
            doc = "C++ targets.",
            mandatory = True,
            providers = [CcInfo],
        ),
        "operators": attr.bool(
            doc = "Whether to leave out libtorch_python, too, for a library that every CPython loads. Default: False.",
        ),
    },
    provides = [CcInfo],
)
