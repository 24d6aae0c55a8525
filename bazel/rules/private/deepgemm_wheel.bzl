"""The macro deepgemm_wheel: a wheel of DeepGEMM alone, for every CPython of the matrix."""

load("@deepgemm_version//:version.bzl", "VERSION")
load("//bazel/kernels:kernels_directory.bzl", "kernels_directory")
load("//bazel/kernels:versions.bzl", "LOOKS_FOR_KERNELS")
load(":extension_wheel.bzl", "extension_wheel")

visibility(["//bazel/...", "//tests/..."])

# The repository @deepgemm_src has the package as a wheel has it; the licences are in two directories.
_PATHS = {
    "package/deep_gemm": "deep_gemm",
    "src/LICENSE": "LICENSE",
    "third_party/deepgemm/licenses": "third-party",
}

def deepgemm_wheel(name, extension, distribution = "deep_gemm", kernels = [], compress_kernels = False, version = VERSION, **kwargs):
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
        kernels: Sets of kernels, each a `deepgemm_kernels`, which the package carries in `aot/`. DeepGEMM then compiles only
            other kernels. A set for another CUDA major version than torch's, and a DeepGEMM that does not look for
            kernels, are errors. Default: none.
        compress_kernels: Whether kernels are compressed fatbins instead of cubins, a fifth of the installed size. The driver
            unpacks each when it loads it. Default: False.
        version: The version (PEP 440). Default: that of the DeepGEMM source.
        **kwargs: Passed to `extension_wheel`.
    """
    directories = {}
    if kernels:
        if VERSION not in LOOKS_FOR_KERNELS:
            fail("deepgemm_wheel {}: kernels for DeepGEMM {}, which does not look for them; expected one of {}. ".format(
                name,
                VERSION,
                ", ".join(LOOKS_FOR_KERNELS),
            ) + "Leave kernels out")
        kernels_directory(
            name = name + ".aot",
            compress = compress_kernels,
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
