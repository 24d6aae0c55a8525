"""The macro deepgemm_kernels: DeepGEMM's kernels, compiled ahead of time."""

load("@deepgemm_version//:version.bzl", "VERSION")
load("//bazel/kernels:kernel_set.bzl", "kernel_set")

visibility(["//bazel/...", "//tests/..."])

def deepgemm_kernels(name, arch, layers = {}, num_sms = 0, recorded = [], **kwargs):
    """A set of DeepGEMM's kernels for one architecture, for `deepgemm_wheel(kernels = [...])`.

    DeepGEMM compiles a kernel when it is first called, 2 to 6 s each, with a CUDA toolkit on every machine that serves.
    With the kernels of a model in the wheel it finds them there, and needs a driver and torch alone; a kernel that is not
    there is compiled as ever. Which kernels a model needs follows from its layers, or was recorded on a server that ran it
    (docs/kernels.md). The same kernel is the same bytes on every machine.

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
        name: The target's name; its outputs are directories of compiled kernels.
        arch: nvcc's architecture: `sm_90a` (Hopper), `sm_100f` or `sm_103f` (Blackwell); for recorded kernels also `sm_100a`
            and `sm_103a`. Another one, and a recorded kernel for another one, is an error.
        layers: Layers to derive kernels for, from a kind to sizes: `fp8_dense` and `bf16_dense` to `NxK`, `fp8_contiguous`,
            `fp8_masked`, `bf16_contiguous` and `bf16_masked` to `GROUPSxNxK`, where N is the width of the output on one
            GPU and K that of the input. Default: none.
        num_sms: The SMs that DeepGEMM uses: 132 for an H100 or H200, 78 for an H20. Needed with `layers`. Default: 0,
            whatever the recorded lists are for.
        recorded: Lists that `tools/kernels record` wrote, and reports of misses (`DG_JIT_AOT_REPORT`). A list of another
            version of DeepGEMM, architecture or number of SMs is an error. Default: none.
        **kwargs: Handed on to the rule: `max_m` (the most rows of a dense product; default: 8192), `max_grouped_m` (the most
            rows of a contiguous grouped product; default: 65536), `shards` (parallel actions; default: 32), `verified`
            (whether the set was run on its GPU; default: True), and attributes that every rule has.
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
