"""The rule behind //bazel/torch:headers."""

load("@rules_cc//cc:defs.bzl", "CcInfo")
load(":providers.bzl", "TorchInfo")

visibility(["//bazel/...", "//tests/..."])

def _torch_headers_impl(ctx):
    headers = ctx.attr.torch[TorchInfo].headers
    if not headers:
        fail("{}: {} has no headers; expected a torch_sdk with the attribute headers. Set it there".format(
            ctx.label,
            ctx.attr.torch.label,
        ))
    return [headers]

torch_headers = rule(
    implementation = _torch_headers_impl,
    doc = "All headers of a torch, its internals too: the `headers` of a `torch_sdk`.",
    attrs = {
        "torch": attr.label(
            doc = "The `torch_sdk`, or a flag that names one.",
            mandatory = True,
            providers = [TorchInfo],
        ),
    },
    provides = [CcInfo],
)
