"""The rule behind torch_extension: gathers one shared library per Python under the names that Python imports."""

load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load("//bazel/pythons:providers.bzl", "PythonAbiInfo")
load("//bazel/rules:providers.bzl", "ExtensionInfo")
load("//bazel/torch:providers.bzl", "TorchInfo")

visibility(["//bazel/...", "//tests/..."])

_DOC = """Gathers the shared libraries of one extension module.

Used by `torch_extension`, which makes the libraries. Each gets a symbolic link, `<name>/<module_name>.<SOABI>.so`
(PEP 3149), or `<name>/<module_name>.abi3.so` (PEP 384) for a stable-ABI module.

A build of any target that depends on the module runs its validation actions. They fail if a library does not export
`PyInit_<module_name>`, needs a CUDA runtime of another major version than torch's, or needs a symbol of torch that this
torch does not have.
"""

def _suffix(python, py_limited_api):
    return "abi3" if py_limited_api else python.soabi

def _interfaces(torch):
    """The interfaces of torch's libraries. Empty if a library has none: the libraries themselves have half a gigabyte."""
    inputs = torch[CcInfo].linking_context.linker_inputs.to_list()
    found = [library.interface_library for input in inputs for library in input.libraries]
    return found if all(found) else []

def _check_library(ctx, tag, library):
    """An action that fails with one line if a library is not this module. Its output is an empty file."""
    out = ctx.actions.declare_file("{}.{}.checked".format(ctx.label.name, tag))
    torch = _interfaces(ctx.attr.torch)
    args = ctx.actions.args()
    args.add("--module", ctx.attr.module_name)
    args.add("--target=" + str(ctx.label).removeprefix("@@").removeprefix("@"))
    args.add("--cuda", ctx.attr.torch[TorchInfo].cuda_version)
    args.add_all(torch, before_each = "--torch")
    args.add("--out", out)
    args.add(library)
    ctx.actions.run(
        executable = ctx.executable._module_check,
        arguments = [args],
        inputs = torch + [library],
        outputs = [out],
        mnemonic = "ExtensionModuleCheck",
        progress_message = "Checking the module %{label}",
        # The tool is an attribute and comes from no toolchain (--incompatible_auto_exec_groups).
        toolchain = None,
    )
    return out

def _extension_module_impl(ctx):
    name = ctx.attr.module_name
    if not name.replace("_", "a").isalnum() or name[0].isdigit():
        fail("{}: module_name is '{}'; expected a Python identifier, the X of PyInit_X".format(ctx.label, name))
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
        output = ctx.actions.declare_file("{}/{}.{}.so".format(ctx.label.name, name, suffix))
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
            module_name = name,
            package = ctx.attr.package,
            py_limited_api = ctx.attr.py_limited_api,
            pythons = [python[PythonAbiInfo] for python in (ctx.attr.serves or ctx.attr.pythons)],
            torch = ctx.attr.torch[TorchInfo],
        ),
        OutputGroupInfo(_validation = depset([_check_library(ctx, tag, library) for tag, library in files.items()])),
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
        "package": attr.string(
            doc = "The directory of a wheel that the files belong in, such as `my_ops`, or `a/b` for the package `a.b`. " +
                  "Default: none; the wheel says it.",
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
            doc = "The Pythons that a stable-ABI module serves. Default: `pythons`.",
            providers = [PythonAbiInfo],
        ),
        "torch": attr.label(
            doc = "The torch that `binaries` were built against.",
            mandatory = True,
            providers = [CcInfo, TorchInfo],
        ),
        "_module_check": attr.label(
            default = "//tools/wheel:module_check",
            cfg = "exec",
            executable = True,
        ),
    },
    provides = [ExtensionInfo],
)
