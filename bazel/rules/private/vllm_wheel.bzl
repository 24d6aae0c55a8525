"""The macro vllm_wheel: a vLLM wheel with another DeepGEMM in it."""

load("@deepgemm_version//:version.bzl", "VERSION")
load(":wheel_overlay.bzl", "wheel_overlay")

visibility(["//bazel/...", "//tests/..."])

def vllm_wheel(name, base, deep_gemm, local_version = None, **kwargs):
    """vLLM's wheel with its `vllm/third_party/deep_gemm` replaced: `wheel_overlay` with vLLM's names filled in.

    DeepGEMM's compiled code imports `deep_gemm.utils.mlopart` by that name, which does not exist inside vLLM. The overlay
    finds such names, and lets the package enter itself and those modules into `sys.modules` under them, unless a
    `deep_gemm` is installed: vLLM's own code does the same where it hands its copy to a library.

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
        local_version: Appended to vLLM's version. Default: `deepgemm.<version of DeepGEMM>`.
        **kwargs: Handed on to `wheel_overlay`.
    """
    wheel_overlay(
        name = name,
        base = base,
        local_version = local_version or "deepgemm." + VERSION.replace("+", "."),
        overlay = deep_gemm,
        package = "deep_gemm",
        under = "vllm/third_party",
        **kwargs
    )
