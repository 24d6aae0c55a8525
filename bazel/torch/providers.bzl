"""What a torch SDK says about itself."""

visibility(["//bazel/...", "//tests/..."])

TorchInfo = provider(
    doc = "Facts of a torch that is compiled against; the headers and libraries travel in `CcInfo`.",
    fields = {
        "cuda_version": "string: the CUDA release that torch was built with, such as `13.0`",
        "cxx11_abi": "bool: whether torch was built with libstdc++'s C++11 ABI (`_GLIBCXX_USE_CXX11_ABI=1`)",
        "version": "string: torch's version as its package index names it, without the local part, such as `2.14.0`",
    },
)
