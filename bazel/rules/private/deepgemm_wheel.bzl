"""The macro deepgemm_wheel: a wheel of DeepGEMM alone, for every CPython of the matrix."""

load("@deepgemm_src//:version.bzl", "VERSION")
load(":extension_wheel.bzl", "extension_wheel")

# The repository @deepgemm_src has the package as a wheel has it; the licences are in two directories.
_PATHS = {
    "package/deep_gemm": "deep_gemm",
    "src/LICENSE": "LICENSE",
    "third_party/deepgemm/licenses": "third-party",
}

def deepgemm_wheel(name, extension, distribution = "deep_gemm", version = VERSION, **kwargs):
    """A wheel of DeepGEMM alone: `extension_wheel` with DeepGEMM's files, metadata and licences filled in.

    Example:
    ```starlark
    deepgemm_wheel(
        name = "deep_gemm_wheel",
        extension = ":deep_gemm_C",
    )
    ```

    Args:
        name: The target's name; the wheel is its one output.
        extension: DeepGEMM's `_C`, a `deepgemm_extension`.
        distribution: The name of the distribution, as pip lists it. Default: `deep_gemm`.
        version: The version (PEP 440). Default: that of the DeepGEMM source.
        **kwargs: Passed to `extension_wheel`.
    """
    extension_wheel(
        name = name,
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
