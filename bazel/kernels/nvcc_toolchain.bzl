"""The rule nvcc_toolchain: a CUDA compiler for `deepgemm_kernels`."""

load(":providers.bzl", "NvccInfo")

visibility(["//bazel/...", "//tests/..."])

_DOC = """An nvcc for `deepgemm_kernels`, for the toolchain type `@rules_deepgemm//bazel/kernels/nvcc:toolchain_type`.

This module registers NVIDIA's nvcc 13.0, from wheels pinned by hash. To use your own CUDA toolkit, define a toolchain. With
the installed toolkit that rules_cuda's own toolchain uses, rules_cuda's repository `@cuda`:

```starlark
nvcc_toolchain(
    name = "my_nvcc",
    cuda_version = "13.0",
    files = ["@cuda//:compiler_deps"],
    nvcc = "@cuda//:cuda/bin/nvcc",
    visibility = ["//visibility:public"],
)

toolchain(
    name = "my_nvcc_toolchain",
    toolchain = ":my_nvcc",
    toolchain_type = "@rules_deepgemm//bazel/kernels/nvcc:toolchain_type",
)
```

and call `register_toolchains("//:my_nvcc_toolchain")` in MODULE.bazel. The host compiler is that of the C++ toolchain. If
rules_cuda fetches the toolkit's components one by one, it has no directory with nvcc and all headers: keep the default.
"""

def _nvcc_toolchain_impl(ctx):
    parts = ctx.attr.cuda_version.split(".")
    if len(parts) != 2 or not all([part.isdigit() for part in parts]):
        fail("{}: cuda_version is '{}'; expected a release such as 13.0".format(ctx.label, ctx.attr.cuda_version))
    files = depset([ctx.file.nvcc], transitive = [depset(ctx.files.files)])
    text = ctx.actions.declare_file(ctx.label.name + ".version.txt")
    ctx.actions.run_shell(
        # DeepJIT hashes both streams, stdout and stderr.
        command = '"$1" --version >"$2" 2>&1 || { cat "$2" >&2; exit 1; }',
        arguments = [ctx.file.nvcc.path, text.path],
        inputs = files,
        outputs = [text],
        mnemonic = "NvccVersion",
        progress_message = "Reading nvcc's version for %{label}",
    )
    info = NvccInfo(
        compiler_text = text,
        cuda_version = ctx.attr.cuda_version,
        files = files,
        nvcc = ctx.file.nvcc,
    )
    return [platform_common.ToolchainInfo(nvcc = info), info, DefaultInfo(files = depset([text]))]

nvcc_toolchain = rule(
    implementation = _nvcc_toolchain_impl,
    doc = _DOC,
    attrs = {
        "cuda_version": attr.string(
            doc = "The CUDA release, `MAJOR.MINOR`, such as `13.0`. Another form is an analysis error. So is a " +
                  "wheel with kernels if the major version differs from that of torch's CUDA.",
            mandatory = True,
        ),
        "files": attr.label_list(
            doc = "Every file that nvcc reads or runs, in the layout of a toolkit: its own programs, libdevice and CUDA's " +
                  "headers.",
            allow_files = True,
            mandatory = True,
        ),
        "nvcc": attr.label(
            doc = "The executable `bin/nvcc` of that layout, 12.9 or newer.",
            allow_single_file = True,
            mandatory = True,
        ),
    },
    provides = [NvccInfo],
)
