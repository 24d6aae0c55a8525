"""The macro deepgemm_wheel: a wheel of DeepGEMM without vLLM, for every CPython of the matrix."""

load("@deepgemm_version//:version.bzl", "VERSION")
load("//bazel/kernels:kernels_directory.bzl", "kernels_directory")
load("//bazel/kernels:versions.bzl", "LOOKS_FOR_KERNELS")
load(":extension_wheel.bzl", "extension_wheel")

visibility(["//bazel/...", "//tests/..."])

# From a path of @deepgemm_src or of this module to the path in the wheel. The licences come from two directories.
_PATHS = {
    "package/deep_gemm": "deep_gemm",
    "src/LICENSE": "LICENSE",
    "third_party/deepgemm/licenses": "third-party",
}

def deepgemm_wheel(name, extension, distribution = "deep_gemm", kernels = [], version = VERSION, **kwargs):
    """A wheel of DeepGEMM without vLLM: `extension_wheel` with DeepGEMM's files, metadata and licences filled in.

    Example:
    ```starlark
    deepgemm_wheel(
        name = "deep_gemm_wheel",
        extension = ":deep_gemm_C",
    )
    ```

    Args:
        name: The target's name. The wheel is its only output.
        extension: DeepGEMM's `_C`: a label of a `deepgemm_extension`.
        distribution: The name of the distribution, as `pip list` shows it. Default: `deep_gemm`.
        kernels: Sets of kernels, labels of `deepgemm_kernels`, which the wheel carries in `deep_gemm/aot/`. DeepGEMM compiles
            only the kernels that are not among them. It is an analysis error if a set was compiled by an nvcc of another
            CUDA major version than torch's, or if this DeepGEMM version cannot find kernels in its package. Default: none.
        version: The version (PEP 440). Default: the version of the DeepGEMM source.
        **kwargs: Passed to `extension_wheel`.
    """
    directories = {}
    if kernels:
        if VERSION not in LOOKS_FOR_KERNELS:
            fail("deepgemm_wheel {}: found kernels for DeepGEMM {}, which cannot find them in its package; expected one of {}; ".format(
                name,
                VERSION,
                ", ".join(LOOKS_FOR_KERNELS),
            ) + "remove kernels")
        kernels_directory(
            name = name + ".aot",
            kernels = kernels,
            tags = ["manual"],
            testonly = kwargs.get("testonly"),
            visibility = ["//visibility:private"],
        )
        directories[":{}.aot".format(name)] = "deep_gemm/aot"
    extension_wheel(
        name = name,
        directories = directories,
        srcs = [
            Label("@deepgemm_src//:package"),
            Label("@deepgemm_src//:jit_headers"),
        ],
        distribution = distribution,
        extension = extension,
        license = "MIT AND BSD-3-Clause",
        license_files = [Label("@deepgemm_src//:licenses")],
        package = "deep_gemm",
        paths = _PATHS,
        project_urls = {"Source": "https://github.com/deepseek-ai/DeepGEMM"},
        summary = "DeepGEMM: FP8, FP4 and BF16 GEMM kernels, compiled at run time; one wheel for every CPython",
        version = version,
        **kwargs
    )
