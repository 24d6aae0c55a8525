"""Providers of a torch: the one that extensions are compiled against, and the one that tests import."""

visibility(["//bazel/...", "//tests/..."])

TorchInfo = provider(
    doc = "A torch to compile against. `CcInfo` of the same target has the headers and the libraries.",
    fields = {
        "cuda_version": "string: the CUDA release that torch was built with, such as `13.0`; empty for a torch without CUDA",
        "cxx11_abi": "bool: whether torch was built with libstdc++'s C++11 ABI (`_GLIBCXX_USE_CXX11_ABI=1`)",
        "headers": "CcInfo: all of torch's headers, its internals too; None when the target has no `headers`",
        "version": "string: torch's version without its local part, such as `2.14.0`",
    },
)

TorchRuntimeInfo = provider(
    doc = "The packages that importing an extension on torch needs, for one CPython.",
    fields = {
        "anchor": "File: `pins.txt`, beside which the directory `site` lies; it changes whenever a package does",
        "tag": "string: the CPython's tag, such as `cp312`",
    },
)
