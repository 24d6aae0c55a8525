"""The rule behind torch_extension: gathers one shared library per Python under the names that Python imports."""

load("//bazel/pythons:providers.bzl", "PythonAbiInfo")
load("//bazel/rules:providers.bzl", "ExtensionInfo")
load("//bazel/torch:providers.bzl", "TorchInfo")

_DOC = """Gathers the shared libraries of one extension module.

Used by `torch_extension`, which makes the libraries. Each is linked (not copied) to
`<name>/<module_name>.<SOABI>.so` (PEP 3149), or to `<name>/<module_name>.abi3.so` (PEP 384) for a stable-ABI module.
"""

def _suffix(python, py_limited_api):
    return "abi3" if py_limited_api else python.soabi

def _extension_module_impl(ctx):
    files = {}
    named = {}
    for binary, python in zip(ctx.files.binaries, ctx.attr.pythons):
        python = python[PythonAbiInfo]
        suffix = _suffix(python, ctx.attr.py_limited_api)
        if suffix in named:
            fail("{}: {} and {} both have the SOABI '{}', so that one module would overwrite the other. ".format(
                ctx.label,
                named[suffix],
                python.tag,
                suffix,
            ) + "Register each CPython once.")
        named[suffix] = python.tag
        output = ctx.actions.declare_file("{}/{}.{}.so".format(ctx.label.name, ctx.attr.module_name, suffix))
        ctx.actions.symlink(
            output = output,
            target_file = binary,
            progress_message = "Naming %{output}",
        )
        files["abi3" if ctx.attr.py_limited_api else python.tag] = output

    return [
        DefaultInfo(files = depset(files.values())),
        ExtensionInfo(
            files = files,
            module_name = ctx.attr.module_name,
            py_limited_api = ctx.attr.py_limited_api,
            pythons = [python[PythonAbiInfo] for python in (ctx.attr.serves or ctx.attr.pythons)],
            torch = ctx.attr.torch[TorchInfo],
        ),
    ]

extension_module = rule(
    implementation = _extension_module_impl,
    doc = _DOC,
    attrs = {
        "binaries": attr.label_list(
            doc = "The `cc_binary` of each Python, a shared library, in the order of `pythons`.",
            mandatory = True,
        ),
        "module_name": attr.string(
            doc = "The module's last name, as in PyInit_<module_name>.",
            mandatory = True,
        ),
        "py_limited_api": attr.string(
            doc = "The oldest CPython of a stable-ABI module, such as `3.11`; empty (the default) for any other.",
        ),
        "pythons": attr.label_list(
            doc = "The Python that each of `binaries` was compiled for.",
            mandatory = True,
            providers = [PythonAbiInfo],
        ),
        "serves": attr.label_list(
            doc = "The Pythons that the module serves, where they are not `pythons`: those of a stable-ABI module.",
            providers = [PythonAbiInfo],
        ),
        "torch": attr.label(
            doc = "The torch that `binaries` were built against.",
            mandatory = True,
            providers = [TorchInfo],
        ),
    },
    provides = [ExtensionInfo],
)
