"""The rule torch_runtime: gives tests the packages that they import with one CPython."""

load(":providers.bzl", "TorchRuntimeInfo")

# Public by necessity: repositories of torch to import load it. No interface: it may change at any time.
visibility("public")

def _torch_runtime_impl(ctx):
    return [
        DefaultInfo(files = depset([ctx.file.anchor])),
        TorchRuntimeInfo(anchor = ctx.file.anchor, tag = ctx.attr.tag),
    ]

torch_runtime = rule(
    implementation = _torch_runtime_impl,
    doc = "The packages that importing an extension on torch needs, for one CPython.",
    attrs = {
        "anchor": attr.label(
            doc = "The file of pins. The packages lie beside it, in the directory `site`. They are 50,000 files, so this " +
                  "one file is the test's declared input, and the test finds the others beside it.",
            allow_single_file = True,
            mandatory = True,
        ),
        "tag": attr.string(
            doc = "The CPython's tag, such as `cp312`.",
            mandatory = True,
        ),
    },
    provides = [TorchRuntimeInfo],
)
