"""Which DeepGEMM looks for kernels in its package."""

visibility(["//bazel/...", "//tests/..."])

# Versions whose DeepJIT has the header that overlay/runtime.hpp.patch is a change of.
LOOKS_FOR_KERNELS = ["2.8.2"]
