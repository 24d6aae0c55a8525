"""The macro deepgemm_kernels: compiles DeepGEMM's kernels ahead of time."""

load("@deepgemm_version//:version.bzl", "VERSION")
load("//bazel/kernels:kernel_set.bzl", "kernel_set")

visibility(["//bazel/...", "//tests/..."])

def deepgemm_kernels(name, arch, layers = {}, num_sms = 0, recorded = [], **kwargs):
    """A set of DeepGEMM's kernels for one architecture, for `deepgemm_wheel(kernels = [...])`.

    By default, DeepGEMM compiles each kernel at its first call. That takes 2 to 6 s, and every server needs a CUDA toolkit.
    If the wheel has the kernels of a model, DeepGEMM loads them and the server needs only a driver and torch. DeepGEMM still
    compiles a kernel that the wheel lacks.

    The kernels of a model are derived from its layers, or recorded on a server that ran the model (docs/kernels.md). A kernel
    has the same bytes on every machine that builds it.

    Example:
    ```starlark
    deepgemm_kernels(
        name = "hopper_kernels",
        arch = "sm_90a",
        layers = {
            "fp8_contiguous": ["128x1536x2048", "128x2048x768"],
            "fp8_dense": ["5120x2048", "2048x4096"],
        },
        num_sms = 132,
    )
    ```

    Args:
        name: The target's name. Its outputs are directories of compiled kernels.
        arch: nvcc's architecture: `sm_90a` (Hopper), `sm_100f` or `sm_103f` (Blackwell); without `layers` also `sm_100a` and
            `sm_103a`. Another value is an analysis error.
        layers: Layers to derive kernels for: a list of sizes for each kind. `fp8_dense` and `bf16_dense` take `NxK`;
            `fp8_contiguous`, `fp8_masked`, `bf16_contiguous` and `bf16_masked` take `GROUPSxNxK`. N is the width of the
            layer's output on one GPU, K that of its input. Another kind or form fails the build. Default: none. Without
            `layers` and `recorded`, an analysis error.
        num_sms: The number of SMs that DeepGEMM uses: 132 for an H100 or H200, 78 for an H20. `layers` without it is an
            analysis error. Default: 0, which accepts recorded lists for any number.
        recorded: Lists that `tools/kernels record` wrote, and reports of missing kernels (`DG_JIT_AOT_REPORT`). A list for
            another DeepGEMM version, architecture or number of SMs fails the build. Default: none.
        **kwargs: Passed to the rule: `max_m` (int, the largest number of rows of a dense product. Default: 8192.),
            `max_grouped_m` (int, the largest number of rows of a contiguous grouped product. Default: 65536.), `shards`
            (int, the number of parallel compile actions. Default: 32.), `verified` (bool, whether the set was run on its
            GPU. Default: True.), and the attributes of every rule.
    """
    kernel_set(
        name = name,
        arch = arch,
        deepgemm = VERSION,
        headers = [Label("@deepgemm_src//:jit_headers")],
        layers = layers,
        num_sms = num_sms,
        recorded = recorded,
        **kwargs
    )
