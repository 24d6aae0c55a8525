"""The rule torch_runtime: hands the packages of one CPython to the tests that import with them."""

load(":runtime_providers.bzl", "TorchRuntimeInfo")

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
            doc = "The file of pins, beside which the packages lie in the directory `site`. They are 50,000 files: a " +
                  "test is handed this one and finds the others beside it, where the repository rule put them.",
            allow_single_file = True,
            mandatory = True,
        ),
        "tag": attr.string(
            doc = "The CPython's tag, as `cp312`.",
            mandatory = True,
        ),
    },
    provides = [TorchRuntimeInfo],
)
