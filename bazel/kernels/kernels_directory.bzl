"""The rule kernels_directory: the directory `aot` of a DeepGEMM package, merged from one or more sets of kernels."""

load("//bazel/torch:providers.bzl", "TorchInfo")
load(":providers.bzl", "KernelsInfo")

visibility(["//bazel/...", "//tests/..."])

_TOOLCHAIN = Label("//bazel/kernels/nvcc:toolchain_type")

def _major(version):
    return version.split(".")[0]

def _kernels_directory_impl(ctx):
    sets = [kernels[KernelsInfo] for kernels in ctx.attr.kernels]
    first = sets[0]
    torch = ctx.attr._torch[TorchInfo].cuda_version
    if not torch:
        fail("{}: this torch is one without CUDA; expected one with CUDA for kernels: choose another".format(ctx.label))
    for kernels, info in zip(ctx.attr.kernels, sets):
        if _major(info.cuda_version) != _major(torch):
            fail("{}: {} was compiled by the nvcc of CUDA {}, torch was built with CUDA {}; ".format(
                ctx.label,
                kernels.label,
                info.cuda_version,
                torch,
            ) + "expected the same major version: register an nvcc_toolchain of CUDA {}".format(_major(torch)))
    out = ctx.actions.declare_directory(ctx.label.name)
    parts = [part for info in sets for part in info.parts]
    args = ctx.actions.args()
    args.add_all(parts, before_each = "--part", expand_directories = False)
    args.add("--compiler-text", first.compiler_text)
    args.add("--deepgemm", first.deepgemm)
    args.add_all([info.description for info in sets], before_each = "--set")
    args.add_all("--out", [out], expand_directories = False)
    toolkit = depset()
    if ctx.attr.compress:
        nvcc = ctx.toolchains[_TOOLCHAIN].nvcc
        toolkit = nvcc.files
        args.add("--fatbinary", nvcc.nvcc.dirname + "/fatbinary")
    ctx.actions.run(
        executable = ctx.executable._merge,
        arguments = [args],
        inputs = depset(parts + [first.compiler_text], transitive = [toolkit]),
        outputs = [out],
        mnemonic = "DeepGemmMergeKernels",
        progress_message = "Merging the kernels of %{label}",
    )
    return [DefaultInfo(files = depset([out]))]

kernels_directory = rule(
    implementation = _kernels_directory_impl,
    doc = "The kernels of all sets in the layout of DeepGEMM's package: `compiler.txt`, `manifest.json`, `cache/<tag>.<key>/`.",
    attrs = {
        "compress": attr.bool(
            doc = "Whether to compress each kernel to a fatbin, a fifth of the cubin's size. Default: False.",
        ),
        "kernels": attr.label_list(
            doc = "The sets, each a `deepgemm_kernels`. A CUDA major version other than torch's is an analysis error.",
            allow_empty = False,
            mandatory = True,
            providers = [KernelsInfo],
        ),
        "_merge": attr.label(default = "//bazel/kernels:merge_kernels", cfg = "exec", executable = True),
        "_torch": attr.label(default = "//bazel/torch:torch", providers = [TorchInfo]),
    },
    toolchains = [_TOOLCHAIN],
)
