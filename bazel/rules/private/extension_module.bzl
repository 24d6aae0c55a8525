"""The rule behind torch_extension: gathers one shared library per Python under the names that Python imports."""

load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load("//bazel/pythons:providers.bzl", "PythonAbiInfo")
load("//bazel/rules:providers.bzl", "ExtensionInfo")
load("//bazel/torch:providers.bzl", "TorchInfo")

visibility(["//bazel/...", "//tests/..."])

_DOC = """Gathers the shared libraries of one extension module.

Used by `torch_extension`, which makes the libraries. Each is linked (not copied) to
`<name>/<module_name>.<SOABI>.so` (PEP 3149), or to `<name>/<module_name>.abi3.so` (PEP 384) for a stable-ABI module.

Whatever is built of the module also runs its validation actions: sources that define a module of another name are an
error before the compiler is done, a library without `PyInit_<module_name>`, with another CUDA runtime than torch's or
with a symbol of torch that this torch does not have is one before anything is made of it.
"""

_HEADERS = ("h", "hh", "hpp", "hxx", "inc", "inl", "ipp")

def _suffix(python, py_limited_api):
    return "abi3" if py_limited_api else python.soabi

def _check(ctx, what, inputs, args):
    """An action that fails with one line where the sources or a library are not this module; its output is empty."""
    out = ctx.actions.declare_file("{}.{}.checked".format(ctx.label.name, what))
    args.add("--module", ctx.attr.module_name)
    args.add("--target=" + str(ctx.label).removeprefix("@@").removeprefix("@"))
    args.add("--out", out)
    ctx.actions.run(
        executable = ctx.executable._module_check,
        arguments = [args],
        inputs = inputs,
        outputs = [out],
        mnemonic = "ExtensionModuleCheck",
        progress_message = "Checking the module name of %{label}",
    )
    return out

def _check_sources(ctx):
    args = ctx.actions.args()
    args.add("sources")
    args.add_all(ctx.attr.defines, format_each = "--define=%s")
    args.add_all(ctx.files.srcs)
    return _check(ctx, "sources", ctx.files.srcs, args)

def _interfaces(torch):
    """The interfaces of torch's libraries; none where some are linked as they are, since they are half a gigabyte."""
    inputs = torch[CcInfo].linking_context.linker_inputs.to_list()
    found = [library.interface_library for input in inputs for library in input.libraries]
    return found if all(found) else []

def _check_library(ctx, tag, library):
    torch = _interfaces(ctx.attr.torch)
    args = ctx.actions.args()
    args.add("library")
    args.add("--cuda", ctx.attr.torch[TorchInfo].cuda_version)
    args.add_all(torch, before_each = "--torch")
    args.add(library)
    return _check(ctx, tag, torch + [library], args)

def _extension_module_impl(ctx):
    name = ctx.attr.module_name
    if not name.replace("_", "a").isalnum() or name[0].isdigit():
        fail("{}: module_name is '{}'; expected a Python identifier, the X of PyInit_X".format(ctx.label, name))
    sources = [file for file in ctx.files.srcs if file.extension not in _HEADERS]
    if ctx.attr.whole_program and len(sources) != 1:
        fail("{}: whole_program is for one source, and there are {}: {}; expected one. Leave whole_program out.".format(
            ctx.label,
            len(sources),
            ", ".join([file.short_path for file in sources]),
        ))
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
            py_limited_api = ctx.attr.py_limited_api,
            pythons = [python[PythonAbiInfo] for python in (ctx.attr.serves or ctx.attr.pythons)],
            torch = ctx.attr.torch[TorchInfo],
        ),
        OutputGroupInfo(_validation = depset(
            [_check_sources(ctx)] + [_check_library(ctx, tag, library) for tag, library in files.items()],
        )),
    ]

extension_module = rule(
    implementation = _extension_module_impl,
    doc = _DOC,
    attrs = {
        "binaries": attr.label_list(
            doc = "The `cc_binary` of each Python, a shared library, in the order of `pythons`.",
            mandatory = True,
        ),
        "defines": attr.string_list(
            doc = "Preprocessor definitions of `srcs`, `NAME` or `NAME=VALUE`: one may stand for the module's name.",
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
        "srcs": attr.label_list(
            doc = "The sources and headers of `binaries`, in which a module of another name is looked for. Default: none.",
            allow_files = True,
        ),
        "torch": attr.label(
            doc = "The torch that `binaries` were built against.",
            mandatory = True,
            providers = [CcInfo, TorchInfo],
        ),
        "whole_program": attr.bool(
            doc = "Whether `srcs` must have one source, which is compiled as a whole program.",
        ),
        "_module_check": attr.label(
            default = "//tools/wheel:module_check",
            cfg = "exec",
            executable = True,
        ),
    },
    provides = [ExtensionInfo],
)
