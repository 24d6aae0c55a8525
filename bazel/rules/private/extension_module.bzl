"""The rule behind torch_extension: its libraries under the names that Python imports, for wheels, tests and programs."""

load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load("@rules_python//python:py_info.bzl", "PyInfo")
load("//bazel/pythons:providers.bzl", "PythonAbiInfo")
load("//bazel/pythons:python_in_use.bzl", "PYTHON_IN_USE", "py_providers", "python_in_use", "refusal")
load("//bazel/rules:providers.bzl", "ExtensionInfo")
load("//bazel/torch:providers.bzl", "TorchInfo")

visibility(["//bazel/...", "//tests/..."])

_DOC = """Gathers the shared libraries of one extension module, or the one of an operator library.

Used by `torch_extension`, which links the libraries. Each is checked and gets the name that Python's import system looks
for: `<name>/<module_name>.<SOABI>.so` (PEP 3149), `<name>/<module_name>.abi3.so` (PEP 384) for a stable-ABI module,
`<name>/<module_name>.so` for an operator library.

A library that fails the check is not written. It must export `PyInit_<module_name>`, or register operators if it is an
operator library; it must need no CUDA runtime of another major version than torch's and no symbol that this torch lacks.

As a dependency of a `py_library`, `py_test` or `py_binary`, the target is the library of the Python in use.
"""

def _interfaces(torch, operators):
    """The interfaces of torch's libraries. Empty if a library has none: the libraries themselves have half a gigabyte."""
    inputs = torch[CcInfo].linking_context.linker_inputs.to_list()
    found = [library.interface_library for input in inputs for library in input.libraries]
    if not all(found):
        return []
    return [file for file in found if not (operators and file.basename.startswith("libtorch_python."))]

def _checked(ctx, suffix, library):
    """The library under its name. The action that writes it fails with one line if it is not what the target is for."""
    out = ctx.actions.declare_file("{}/{}{}.so".format(ctx.label.name, ctx.attr.module_name, suffix))
    torch = _interfaces(ctx.attr.torch, ctx.attr.operators)
    args = ctx.actions.args()
    if ctx.attr.operators:
        args.add("--operators")
    else:
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
        progress_message = "Checking the module %{output}",
        # The tool is an attribute and comes from no toolchain (--incompatible_auto_exec_groups).
        toolchain = None,
    )
    return out

def _files(ctx, pythons):
    """The libraries by the keys of ExtensionInfo.files."""
    if ctx.attr.operators or ctx.attr.py_limited_api:
        key, suffix = ("any", "") if ctx.attr.operators else ("abi3", ".abi3")
        return {key: _checked(ctx, suffix, ctx.files.binaries[0])}
    tags = {}
    for python in pythons:
        if python.soabi in tags:
            fail("{}: {} and {} both have the SOABI '{}', so that one module would overwrite the other. ".format(
                ctx.label,
                tags[python.soabi],
                python.tag,
                python.soabi,
            ) + "Register each CPython once.")
        tags[python.soabi] = python.tag
    return {
        python.tag: _checked(ctx, "." + python.soabi, binary)
        for binary, python in zip(ctx.files.binaries, pythons)
    }

def _joined(*parts):
    """The parts as one path, without `.` and `..`."""
    path = []
    for part in "/".join(parts).split("/"):
        if part == ".." and path:
            path.pop()
        elif part not in ("", "."):
            path.append(part)
    return "/".join(path)

def _for_python(ctx, files, pythons):
    """The providers for py_library and the like, with the library of the Python in use; with all if that is unknown."""
    repository = ctx.label.workspace_name or ctx.workspace_name
    root = _joined(ctx.label.package, ctx.attr.import_root)
    if root.startswith(".."):
        fail("{}: import_root is '{}'; expected a directory of the repository".format(ctx.label, ctx.attr.import_root))
    tag = python_in_use(ctx)
    tags = [python.tag for python in pythons]
    if tag and "any" not in files and tag not in tags:
        return py_providers(ctx, _joined(repository, root), files = [refusal(
            ctx,
            "found the Python in use {}; expected one of {}, which Requires-Python of the pythons extension admits: ".format(
                tag,
                ", ".join(tags),
            ) + "set python_version of the py_test or py_binary, or register one of them first",
        )])
    used = [files[tag]] if tag in files else files.values()
    return py_providers(ctx, _joined(repository, root), root_symlinks = {
        _joined(repository, root, ctx.attr.package, file.basename): file
        for file in used
    })

def _extension_module_impl(ctx):
    name = ctx.attr.module_name
    if not name.replace("_", "a").isalnum() or name[0].isdigit():
        fail("{}: module_name is '{}'; expected a Python identifier, the X of PyInit_X".format(ctx.label, name))
    pythons = [python[PythonAbiInfo] for python in ctx.attr.pythons]
    files = _files(ctx, pythons)
    python = _for_python(ctx, files, pythons)
    return [
        DefaultInfo(files = depset(files.values()), runfiles = python.runfiles),
        python.info,
        ExtensionInfo(
            files = files,
            module_name = name,
            package = ctx.attr.package,
            py_limited_api = ctx.attr.py_limited_api,
            pythons = pythons,
            torch = ctx.attr.torch[TorchInfo],
        ),
    ]

extension_module = rule(
    implementation = _extension_module_impl,
    doc = _DOC,
    attrs = {
        "binaries": attr.label_list(
            doc = "The `cc_binary` of each Python, a shared library, in the order of `pythons`; one for all of them if the " +
                  "module is for the stable ABI or registers operators.",
            mandatory = True,
        ),
        "import_root": attr.string(
            doc = "The directory that `import` searches for `package`, relative to the BUILD file's. Default: that one.",
        ),
        "module_name": attr.string(
            doc = "The module's last name, as in PyInit_<module_name>.",
            mandatory = True,
        ),
        "operators": attr.bool(
            doc = "Whether the library registers operators and is no module. Default: False.",
        ),
        "package": attr.string(
            doc = "The directory of a wheel that the files belong in, such as `my_ops`, or `a/b` for the package `a.b`. " +
                  "Default: none; the wheel says it.",
        ),
        "py_limited_api": attr.string(
            doc = "The oldest CPython of a stable-ABI module, such as `3.11`; empty (the default) for any other.",
        ),
        "pythons": attr.label_list(
            doc = "The Pythons that the libraries serve.",
            mandatory = True,
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
    provides = [ExtensionInfo, PyInfo],
    toolchains = PYTHON_IN_USE,
)
