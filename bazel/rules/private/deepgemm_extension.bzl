"""The macro deepgemm_extension: DeepGEMM's `_C` for each CPython of the matrix."""

load(":torch_extension.bzl", "torch_extension")

# The options of DeepGEMM's own setup.py, and no word on its references to temporaries, which GCC 13 and newer suspect.
_COPTS = [
    "-O3",
    "-Wno-psabi",
    "-Wno-deprecated-declarations",
    "-Wno-dangling-reference",
]

def deepgemm_extension(
        name,
        srcs = None,
        deps = None,
        copts = [],
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
            (`-O3 -Wno-psabi -Wno-deprecated-declarations`) and `-Wno-dangling-reference`, so that they win.
        **kwargs: Handed on to `torch_extension`.
    """
    torch_extension(
        name = name,
        srcs = [Label("@deepgemm_src//:python_api")] if srcs == None else srcs,
        copts = _COPTS + copts,
        deps = [Label("@deepgemm_src//:headers")] if deps == None else deps,
        **kwargs
    )
