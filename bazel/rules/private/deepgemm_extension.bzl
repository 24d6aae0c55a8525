"""The macro deepgemm_extension: DeepGEMM's `_C` for each CPython of the matrix."""

load("@deepgemm_version//:version.bzl", "VERSION")
load("//bazel/kernels:versions.bzl", "LOOKS_FOR_KERNELS")
load(":torch_extension.bzl", "torch_extension")

visibility(["//bazel/...", "//tests/..."])

_SOURCE = Label("@deepgemm_src//:python_api")

# The options of DeepGEMM's own setup.py, which has no stack protector. Every GCC and Clang accepts them.
_COPTS = [
    "-O3",
    "-Wno-psabi",
    "-Wno-deprecated-declarations",
    "-fno-stack-protector",
    # Errors of DeepGEMM name its files as they are in its repository, `csrc/…`, wherever Bazel has put that.
    "-ffile-prefix-map={}/src/=".format(_SOURCE.workspace_root),
]

def deepgemm_extension(
        name,
        srcs = None,
        deps = None,
        copts = [],
        features = [],
        kernels_ahead_of_time = None,
        **kwargs):
    """DeepGEMM's extension module `_C`: `torch_extension` with DeepGEMM's sources, headers and compiler options.

    Makes `:<name>.cp311`, …, and `:<name>`, which gathers them; see `torch_extension`. The source is that of the
    `deepgemm` module extension: the pinned release, or a checkout (`deepgemm.local`).

    Example:
    ```starlark
    deepgemm_extension(name = "deep_gemm_C")
    ```

    Args:
        name: The name of the target that gathers the libraries.
        srcs: Sources instead of DeepGEMM's one, `csrc/python_api.cpp`.
        deps: Headers instead of DeepGEMM's own (csrc, device headers, CUTLASS, DeepJIT and elfutils).
        copts: Compiler options. They follow those of DeepGEMM's setup.py
            (`-O3 -Wno-psabi -Wno-deprecated-declarations`), `-fno-stack-protector` and a `-ffile-prefix-map` of
            DeepGEMM's repository, and override them. Default: none.
        features: Features of the C++ toolchain, after `smaller_code` and, unless `srcs` is set, `whole_program`; see
            `torch_extension`. `-name` disables one. Default: none.
        kernels_ahead_of_time: Whether the module looks for compiled kernels in its package
            (`deepgemm_wheel(kernels = [...])`) before it compiles one, and needs nvcc only for the others. This replaces
            one header of DeepJIT; the build fails if the header is not the one that the replacement was made for.
            Default: True for DeepGEMM 2.8.2, unless `deps` is set.
        **kwargs: Passed on to `torch_extension`.
    """
    if kernels_ahead_of_time == None:
        kernels_ahead_of_time = deps == None and VERSION in LOOKS_FOR_KERNELS
    overlay = [Label("//bazel/kernels:jit_runtime")] if kernels_ahead_of_time else []
    torch_extension(
        name = name,
        srcs = [_SOURCE] if srcs == None else srcs,
        copts = _COPTS + copts,
        features = ["smaller_code"] + (["whole_program"] if srcs == None else []) + features,
        # The overlay comes first, so that its header is found before DeepJIT's.
        deps = overlay + ([Label("@deepgemm_src//:headers")] if deps == None else deps),
        **kwargs
    )
