"""An extension module without torch: what extension_wheel sees of a torch_extension."""

load("//bazel/rules:providers.bzl", "ExtensionInfo")
load("//bazel/torch:providers.bzl", "TorchInfo")

visibility(["//tests/..."])

def _fake_extension_impl(ctx):
    files = {}
    for tag, suffix in ctx.attr.suffixes.items():
        library = ctx.actions.declare_file("{}/{}{}.so".format(ctx.label.name, ctx.attr.module_name, suffix))
        if ctx.file.library:
            ctx.actions.symlink(output = library, target_file = ctx.file.library)
        else:
            ctx.actions.write(library, "stands for the library of {}\n".format(tag))
        files[tag] = library
    return [
        DefaultInfo(files = depset(files.values())),
        ExtensionInfo(
            files = files,
            module_name = ctx.attr.module_name,
            package = ctx.attr.package,
            py_limited_api = ctx.attr.py_limited_api,
            pythons = [],
            torch = TorchInfo(version = ctx.attr.torch_version),
        ),
    ]

fake_extension = rule(
    implementation = _fake_extension_impl,
    doc = "Gives an ExtensionInfo whose libraries are text, or all the same library.",
    attrs = {
        "library": attr.label(
            doc = "The library that all files are. Default: they are text.",
            allow_single_file = True,
        ),
        "module_name": attr.string(doc = "As in ExtensionInfo.", default = "_C"),
        "package": attr.string(doc = "As in ExtensionInfo."),
        "py_limited_api": attr.string(doc = "As in ExtensionInfo."),
        "suffixes": attr.string_dict(
            doc = "The keys of ExtensionInfo.files, and what stands between the module's name and `.so` in each file's name.",
            default = {
                "cp311": ".cpython-311-x86_64-linux-gnu",
                "cp312": ".cpython-312-x86_64-linux-gnu",
            },
        ),
        "torch_version": attr.string(
            doc = "The torch that the extension is said to be compiled against.",
            default = "2.14.0+cu130",
        ),
    },
)
