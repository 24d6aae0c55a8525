"""The rule behind the `:sdk` target of a torch repository."""

load("@rules_cc//cc:defs.bzl", "CcInfo", "cc_common")
load(":providers.bzl", "TorchInfo")

# Public by necessity: torch repositories load it. Users load it from //bazel/rules:defs.bzl.
visibility("public")

_DOC = """One torch to compile and link against: the headers and libraries of its `deps`, and which torch it is.

Each repository that the extension `torch` makes has one, `:sdk`. To build against a torch from elsewhere, declare one
and set the flag to it:

```starlark
torch_sdk(
    name = "my_torch",
    cuda_version = "13.0",
    headers = ":torch_headers",
    version = "2.14.0",
    deps = [":torch_headers", ":torch_libraries"],
)
```

    bazel build --@rules_deepgemm//bazel/torch:torch=//:my_torch //…
"""

def _torch_sdk_impl(ctx):
    parts = ctx.attr.cuda_version.split(".")
    if ctx.attr.cuda_version and (len(parts) != 2 or not all([part.isdigit() for part in parts])):
        fail("{}: cuda_version is '{}'; expected a release such as 13.0, or '' for a torch without CUDA ".format(
            ctx.label,
            ctx.attr.cuda_version,
        ) + "(torch.version.cuda is None).")

    # 1 is libstdc++'s own default, so it needs no definition.
    defines = [] if ctx.attr.cxx11_abi else ["_GLIBCXX_USE_CXX11_ABI=0"]
    abi = CcInfo(compilation_context = cc_common.create_compilation_context(defines = depset(defines)))
    return [
        cc_common.merge_cc_infos(cc_infos = [abi] + [dep[CcInfo] for dep in ctx.attr.deps]),
        TorchInfo(
            cuda_version = ctx.attr.cuda_version,
            cxx11_abi = ctx.attr.cxx11_abi,
            headers = ctx.attr.headers[CcInfo] if ctx.attr.headers else None,
            version = ctx.attr.version,
        ),
    ]

torch_sdk = rule(
    implementation = _torch_sdk_impl,
    doc = _DOC,
    attrs = {
        "cuda_version": attr.string(
            doc = "The CUDA release that torch was built with (`torch.version.cuda`), such as `13.0`; the empty string " +
                  "for a torch without CUDA. Anything else is an error at analysis.",
            mandatory = True,
        ),
        "cxx11_abi": attr.bool(
            doc = "Whether torch was built with libstdc++'s C++11 ABI (`torch._C._GLIBCXX_USE_CXX11_ABI`). Targets that " +
                  "depend on this one are compiled with the same ABI. Default: True.",
            default = True,
        ),
        "deps": attr.label_list(
            doc = "Headers and libraries of torch and CUDA, such as `cc_library` and `cc_import`.",
            mandatory = True,
            providers = [CcInfo],
        ),
        "headers": attr.label(
            doc = "All of torch's headers, for `@rules_deepgemm//bazel/torch:headers`. Default: none; depending on " +
                  "that target is then an error at analysis.",
            providers = [CcInfo],
        ),
        "version": attr.string(doc = "The version of torch without its local part, such as `2.14.0`.", mandatory = True),
    },
    provides = [CcInfo, TorchInfo],
)
