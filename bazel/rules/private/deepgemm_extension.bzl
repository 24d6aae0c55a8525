"""The macro deepgemm_extension: DeepGEMM's `_C` for each CPython of the matrix."""

load("@deepgemm_src//:version.bzl", "VERSION")
load("//bazel/kernels:versions.bzl", "LOOKS_FOR_KERNELS")
load(":torch_extension.bzl", "torch_extension")

_COPTS = [
    # The options of DeepGEMM's own setup.py, which has no stack protector, and no word on its references to temporaries,
    # which GCC 13 and newer suspect.
    "-O3",
    "-Wno-psabi",
    "-Wno-deprecated-declarations",
    "-Wno-dangling-reference",
    "-fno-stack-protector",
    # Smaller, and no slower (docs/gpu.md): blocks that are hardly ever reached stay with their functions, and jumps
    # lead to unaligned places.
    "-fno-reorder-blocks-and-partition",
    "-fno-align-jumps",
    "-fno-align-labels",
    "-fno-align-loops",
    # The compiler's memory is let go at its end and not collected before: as much as without whole_program, in less time.
    "--param=ggc-min-heapsize=4194304",
]

def deepgemm_extension(
        name,
        srcs = None,
        deps = None,
        copts = [],
        whole_program = None,
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
        srcs: Sources in place of DeepGEMM's one, `csrc/python_api.cpp`.
        deps: Headers in place of DeepGEMM's own (csrc, device headers, CUTLASS, DeepJIT and elfutils).
        copts: Compiler options after those of DeepGEMM's setup.py
            (`-O3 -Wno-psabi -Wno-deprecated-declarations`), `-Wno-dangling-reference`, `-fno-stack-protector`,
            `-fno-reorder-blocks-and-partition`, `-fno-align-{jumps,labels,loops}` and
            `--param=ggc-min-heapsize=4194304`, so that they win.
        features: Features of the C++ toolchain, beside the hermetic GCC's `small_float_to_chars`: DeepGEMM formats floats
            in hexadecimal only, when it writes a kernel. `["-small_float_to_chars"]` leaves that one out.
        kernels_ahead_of_time: Whether the module looks for kernels in its package (`deepgemm_wheel(kernels = [...])`) before
            it compiles them, and needs nvcc for the others alone. This replaces one header of DeepJIT's; a header other
            than the one that the replacement was made for fails the build. Default: it does, if the source is DeepGEMM
            2.8.2 and `deps` is not given.
        whole_program: As for `torch_extension`. Default: DeepGEMM's one source is, other `srcs` are not.
        **kwargs: Handed on to `torch_extension`.
    """
    if kernels_ahead_of_time == None:
        kernels_ahead_of_time = deps == None and VERSION in LOOKS_FOR_KERNELS
    overlay = [Label("//bazel/kernels:jit_runtime")] if kernels_ahead_of_time else []
    torch_extension(
        name = name,
        srcs = [Label("@deepgemm_src//:python_api")] if srcs == None else srcs,
        copts = _COPTS + copts,
        features = ["small_float_to_chars"] + features,
        whole_program = srcs == None if whole_program == None else whole_program,
        # The overlay comes first, so that its header is found before DeepJIT's.
        deps = overlay + ([Label("@deepgemm_src//:headers")] if deps == None else deps),
        **kwargs
    )
