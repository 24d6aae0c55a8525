"""The rule cuda_headers: the CUDA headers of the registered nvcc toolchain, for C++ that runs without a GPU."""

load("@rules_cc//cc:defs.bzl", "CcInfo", "cc_common")

visibility(["//bazel/...", "//tests/..."])

_TOOLCHAIN = Label("//bazel/kernels/nvcc:toolchain_type")

def _cuda_headers_impl(ctx):
    nvcc = ctx.toolchains[_TOOLCHAIN].nvcc
    include = nvcc.nvcc.path.removesuffix("/bin/nvcc") + "/include"
    headers = [file for file in nvcc.files.to_list() if file.path.startswith(include + "/")]
    if not headers:
        fail("{}: the nvcc toolchain has no file in {}; expected CUDA's headers; add them to files".format(ctx.label, include))
    return [CcInfo(compilation_context = cc_common.create_compilation_context(
        headers = depset(headers),
        system_includes = depset([include, include + "/cccl"]),
    ))]

cuda_headers = rule(
    implementation = _cuda_headers_impl,
    doc = "The CUDA headers of the registered nvcc toolchain, without a library. A toolchain without them is an error.",
    provides = [CcInfo],
    toolchains = [_TOOLCHAIN],
)
