"""The macro vllm_wheel: a vLLM wheel with another build of DeepGEMM in it."""

load("@deepgemm_version//:version.bzl", "VERSION")
load(":wheel_overlay.bzl", "wheel_overlay")

visibility(["//bazel/...", "//tests/..."])

def vllm_wheel(name, base, deep_gemm, local_version = None, **kwargs):
    """vLLM's wheel with its `vllm/third_party/deep_gemm` replaced: `wheel_overlay` with vLLM's names filled in.

    DeepGEMM's compiled code imports `deep_gemm.utils.mlopart` by that name, but inside vLLM the module has another one.
    The overlay finds such names in the libraries and appends code to the package's `__init__.py`: unless a `deep_gemm` is
    installed, the package enters itself and those modules into `sys.modules` under the names without `vllm.third_party`.
    vLLM's own code does the same before it passes its copy to a library.

    Example:
    ```starlark
    vllm_wheel(
        name = "vllm_wheel",
        base = "@vllm//:wheel",
        deep_gemm = ":deep_gemm_wheel",
    )
    ```

    Args:
        name: The target's name; the wheel is its one output.
        base: The vLLM wheel, under the name that it was published with.
        deep_gemm: The wheel of DeepGEMM, a `deepgemm_wheel`.
        local_version: Appended to vLLM's version, as its local part. Default: `deepgemm.<version of DeepGEMM>`.
        **kwargs: Passed to `wheel_overlay`.
    """
    wheel_overlay(
        name = name,
        base = base,
        # A local version has neither the `!` of an epoch nor the `+` of a local version.
        local_version = local_version or "deepgemm." + VERSION.replace("!", ".").replace("+", "."),
        overlay = deep_gemm,
        package = "deep_gemm",
        under = "vllm/third_party",
        **kwargs
    )
