"""The rule behind the `:sdk` target of a torch repository."""

load("@rules_cc//cc:defs.bzl", "CcInfo", "cc_common")
load(":providers.bzl", "TorchInfo")

# Public by necessity: torch repositories load it. Users load it from //bazel/rules:defs.bzl.
visibility("public")

_DOC = """One torch to compile and link against: what its `deps` offer together, and which torch it is.

A torch repository has one as `:sdk`. To build against a torch from elsewhere, declare one and point the flag at it:

```starlark
torch_sdk(
    name = "my_torch",
    cuda_version = "13.0",
    version = "2.14.0",
    deps = [":torch_headers", ":torch_libraries"],
)
```

    bazel build --@rules_deepgemm//bazel/torch:torch=//:my_torch //…
"""

def _torch_sdk_impl(ctx):
    parts = ctx.attr.cuda_version.split(".")
    if len(parts) != 2 or not all([part.isdigit() for part in parts]):
        fail("{}: cuda_version is '{}', torch.version.cuda of a torch without CUDA being empty or None; ".format(
            ctx.label,
            ctx.attr.cuda_version,
        ) + "expected a release such as 13.0. Use a CUDA build of torch.")

    # 1 is the compiler's own default, and a definition for nothing would be in every action.
    defines = [] if ctx.attr.cxx11_abi else ["_GLIBCXX_USE_CXX11_ABI=0"]
    abi = CcInfo(compilation_context = cc_common.create_compilation_context(defines = depset(defines)))
    return [
        cc_common.merge_cc_infos(cc_infos = [abi] + [dep[CcInfo] for dep in ctx.attr.deps]),
        TorchInfo(
            cuda_version = ctx.attr.cuda_version,
            cxx11_abi = ctx.attr.cxx11_abi,
            version = ctx.attr.version,
        ),
    ]

torch_sdk = rule(
    implementation = _torch_sdk_impl,
    doc = _DOC,
    attrs = {
        "cuda_version": attr.string(
            doc = "The CUDA release that torch was built with (`torch.version.cuda`), such as `13.0`. Anything else, the " +
                  "empty string of a torch without CUDA too, is an analysis error.",
            mandatory = True,
        ),
        "cxx11_abi": attr.bool(
            doc = "Whether torch was built with libstdc++'s C++11 ABI (`torch._C._GLIBCXX_USE_CXX11_ABI`); what depends on " +
                  "this is compiled with the same one.",
            default = True,
        ),
        "deps": attr.label_list(
            doc = "Headers and libraries, torch's and CUDA's, such as `cc_library` and `cc_import`.",
            mandatory = True,
            providers = [CcInfo],
        ),
        "version": attr.string(doc = "The version of torch without its local part, such as `2.14.0`.", mandatory = True),
    },
    provides = [CcInfo, TorchInfo],
)
