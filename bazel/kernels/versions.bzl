"""The DeepGEMM versions that can find kernels in their package."""

visibility(["//bazel/...", "//tests/..."])

# overlay/runtime.hpp.patch applies to the DeepJIT of these versions.
LOOKS_FOR_KERNELS = ["2.8.2"]
