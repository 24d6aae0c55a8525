"""The module extensions of this ruleset, for `use_extension("@rules_deepgemm//bazel:extensions.bzl", …)`.

- `pythons`: the CPythons of Requires-Python, each with headers and SOABI.
- `torch`: torch and the CUDA toolkit's headers and libraries, out of wheels or of an installed torch.
- `deepgemm`: DeepGEMM's source, the pinned release or a checkout.
- `gcc`: the hermetic C++ compiler.
- `wheels`: other wheels by pinned hash, such as the base wheel of an overlay.

`torch_runtime` (//bazel/torch:runtime.bzl), a torch to import in `import_check_test`, has a file of its own, since it
asks for the matrix, which the extension `pythons` makes.
"""

load("//bazel/cc:extension.bzl", _gcc = "gcc")
load("//bazel/deepgemm:extension.bzl", _deepgemm = "deepgemm")
load("//bazel/fetch:wheels.bzl", _wheels = "wheels")
load("//bazel/pythons:extension.bzl", _pythons = "pythons")
load("//bazel/torch:extension.bzl", _torch = "torch")

deepgemm = _deepgemm
gcc = _gcc
pythons = _pythons
torch = _torch
wheels = _wheels
