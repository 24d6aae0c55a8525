"""The module extensions of this ruleset, for `use_extension("@rules_deepgemm//bazel:extensions.bzl", …)`.

- `pythons`: the CPythons of Requires-Python, each with headers and SOABI.
- `torch`: torch and the CUDA toolkit's headers and libraries, out of wheels or of an installed torch.
- `torch_runtime`: a torch to import in `import_check_test`, for each CPython.
- `deepgemm`: DeepGEMM's source, the pinned release or a checkout.
- `debian`: mirrors of Debian, where the machine's own and Debian's snapshot archive do not do.
- `gcc`: the hermetic C++ compiler.
- `wheels`: other wheels by pinned hash, such as the base wheel of an overlay.
"""

load("//bazel/cc:extension.bzl", _gcc = "gcc")
load("//bazel/deepgemm:extension.bzl", _deepgemm = "deepgemm")
load("//bazel/fetch:debian_extension.bzl", _debian = "debian")
load("//bazel/fetch:wheels.bzl", _wheels = "wheels")
load("//bazel/pythons:extension.bzl", _pythons = "pythons")
load("//bazel/torch:extension.bzl", _torch = "torch")
load("//bazel/torch:runtime_extension.bzl", _torch_runtime = "torch_runtime")

visibility("public")

debian = _debian
deepgemm = _deepgemm
gcc = _gcc
pythons = _pythons
torch = _torch
torch_runtime = _torch_runtime
wheels = _wheels
