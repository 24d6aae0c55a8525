"""The rule kernel_set: derives, merges and compiles DeepGEMM's kernels for one architecture."""

load("@rules_cc//cc:find_cc_toolchain.bzl", "find_cc_toolchain", "use_cc_toolchain")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("//bazel/platforms:host_platform.bzl", "host_platform")
load(":providers.bzl", "KernelsInfo")

visibility(["//bazel/...", "//tests/..."])

# From nvcc's name of an architecture to the compute capability that DeepGEMM reads from such a device.
_CAPABILITIES = {
    "sm_90a": "9.0",
    "sm_100f": "10.0",
    "sm_103f": "10.3",
}
_TOOLCHAIN = Label("//bazel/kernels/nvcc:toolchain_type")

# nvcc runs the host compiler as its preprocessor. Pass only those options of the C++ toolchain that locate its files. Any
# other option could make the device code differ from what DeepGEMM's JIT compiles.
_WHERE = ("-nostdinc", "-nostdinc++", "-no-canonical-prefixes", "-fno-canonical-system-headers")
_WHERE_PREFIXES = ("-B", "--sysroot=")
_WHERE_PAIRS = ("-isystem", "-idirafter", "--gcc-toolchain", "-isysroot")

def _host_flags(command_line):
    flags = []
    for i, flag in enumerate(command_line):
        if flag in _WHERE or flag.startswith(_WHERE_PREFIXES):
            flags.append(flag)
        elif flag in _WHERE_PAIRS:
            flags.extend(command_line[i:i + 2])
    return flags

def _derive(ctx):
    """Returns the list of the kernels of all layers, a File, or None without layers."""
    if not ctx.attr.layers:
        return None
    if ctx.attr.arch not in _CAPABILITIES:
        fail("{}: arch is '{}'; layers need one of {}; list kernels of other architectures in recorded".format(
            ctx.label,
            ctx.attr.arch,
            ", ".join(_CAPABILITIES),
        ))
    if not ctx.attr.num_sms:
        fail("{}: found layers without num_sms; expected the number of SMs of the GPU, 132 for an H100".format(ctx.label))
    out = ctx.actions.declare_file(ctx.label.name + ".derived.jsonl")
    args = ctx.actions.args()
    args.add("--arch", _CAPABILITIES[ctx.attr.arch])
    args.add("--num-sms", ctx.attr.num_sms)
    args.add("--max-m", ctx.attr.max_m)
    args.add("--max-grouped-m", ctx.attr.max_grouped_m)
    args.add("--out", out)
    for kind, sizes in ctx.attr.layers.items():
        args.add_all(["{}:{}".format(kind, size) for size in sizes])
    ctx.actions.run(
        executable = ctx.executable._derive,
        arguments = [args],
        outputs = [out],
        mnemonic = "DeepGemmDeriveKernels",
        progress_message = "Deriving the kernels of %{label}",
    )
    return out

def _split(ctx, lists):
    shards = [
        ctx.actions.declare_file("{}.shards/{}.jsonl".format(ctx.label.name, i))
        for i in range(ctx.attr.shards)
    ]
    args = ctx.actions.args()
    args.add_all(lists, before_each = "--list")
    args.add("--arch", ctx.attr.arch)
    args.add("--deepgemm", ctx.attr.deepgemm)
    args.add("--num-sms", ctx.attr.num_sms)
    args.add_all(shards, before_each = "--shard")
    ctx.actions.run(
        executable = ctx.executable._split,
        arguments = [args],
        inputs = lists,
        outputs = shards,
        mnemonic = "DeepGemmSplitKernels",
        progress_message = "Splitting the kernels of %{label} into shards",
    )
    return shards

def _include_root(ctx):
    for file in ctx.files.headers:
        before, found, _ = file.path.partition("/include/deep_gemm/")
        if found:
            return before + "/include"
    return fail("{}: no file of headers is in include/deep_gemm/; expected the headers of a DeepGEMM package".format(ctx.label))

def _compile(ctx, nvcc, shards):
    cc_toolchain = find_cc_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = cc_toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    command_line = cc_common.get_memory_inefficient_command_line(
        feature_configuration = features,
        action_name = "c++-compile",
        variables = cc_common.create_compile_variables(cc_toolchain = cc_toolchain, feature_configuration = features),
    )
    gcc = cc_common.get_tool_for_action(feature_configuration = features, action_name = "c++-compile")
    include = _include_root(ctx)
    parts = []
    for i, shard in enumerate(shards):
        part = ctx.actions.declare_directory("{}.parts/{}".format(ctx.label.name, i))
        args = ctx.actions.args()
        args.add("--list", shard)
        args.add("--nvcc", nvcc.nvcc)
        args.add("--nvcc-flag=-ccbin")
        args.add("--nvcc-flag=" + gcc)
        for flag in _host_flags(command_line):
            args.add("--nvcc-flag=-Xcompiler")
            args.add("--nvcc-flag=" + flag)
        args.add("--compiler-text", nvcc.compiler_text)
        args.add("--include", include)
        args.add_all("--out", [part], expand_directories = False)
        ctx.actions.run(
            executable = ctx.executable._compile,
            arguments = [args],
            inputs = depset(
                [shard, nvcc.compiler_text] + ctx.files.headers,
                transitive = [nvcc.files, cc_toolchain.all_files],
            ),
            outputs = [part],
            mnemonic = "DeepGemmCompileKernels",
            progress_message = "Compiling kernels {} of {} of %{{label}}".format(i + 1, len(shards)),
        )
        parts.append(part)
    return parts

def _kernel_set_impl(ctx):
    nvcc = ctx.toolchains[_TOOLCHAIN].nvcc
    derived = _derive(ctx)
    lists = ctx.files.recorded + ([derived] if derived else [])
    if not lists:
        fail("{}: found neither recorded nor layers; expected at least one of them".format(ctx.label))
    if ctx.attr.shards < 1:
        fail("{}: shards is {}; expected 1 or more".format(ctx.label, ctx.attr.shards))
    parts = _compile(ctx, nvcc, _split(ctx, lists))
    return [
        KernelsInfo(
            compiler_text = nvcc.compiler_text,
            cuda_version = nvcc.cuda_version,
            deepgemm = ctx.attr.deepgemm,
            description = "{}={}={}={}".format(
                ctx.label.name,
                ctx.attr.arch,
                ctx.attr.num_sms,
                str(ctx.attr.verified).lower(),
            ),
            parts = parts,
        ),
        DefaultInfo(files = depset(parts)),
        OutputGroupInfo(derived = depset([derived] if derived else [])),
    ]

def _tool(label):
    return attr.label(default = label, cfg = "exec", executable = True)

kernel_set = rule(
    implementation = _kernel_set_impl,
    # The same actions for every target platform: device code does not depend on the host's CPU.
    cfg = host_platform,
    doc = "The rule behind the macro `deepgemm_kernels`.",
    attrs = {
        "arch": attr.string(
            doc = "nvcc's architecture: `sm_90a` (Hopper), `sm_100f` or `sm_103f` (Blackwell); without `layers` also " +
                  "`sm_100a` and `sm_103a`. Another value is an analysis error. A recorded kernel for another " +
                  "architecture fails the build.",
            mandatory = True,
            values = ["sm_90a", "sm_100a", "sm_100f", "sm_103a", "sm_103f"],
        ),
        "deepgemm": attr.string(doc = "The DeepGEMM version of `headers`, such as `2.8.2`.", mandatory = True),
        "headers": attr.label_list(
            doc = "The headers that DeepGEMM's JIT compiles against, in the package's layout: `include/deep_gemm/…`. A list " +
                  "without such a file is an analysis error.",
            allow_files = True,
            mandatory = True,
        ),
        "layers": attr.string_list_dict(
            doc = "Layers to derive kernels for: a list of sizes for each kind. `fp8_dense` and `bf16_dense` take `NxK`; " +
                  "`fp8_contiguous`, `fp8_masked`, `bf16_contiguous` and `bf16_masked` take `GROUPSxNxK`. Default: none.",
        ),
        "max_grouped_m": attr.int(
            doc = "The largest number of rows of a contiguous grouped product: all groups, each padded to 128. Default: 65536.",
            default = 65536,
        ),
        "max_m": attr.int(
            doc = "The largest number of rows (tokens of a batch) of a dense product, and of each group of a masked one. " +
                  "Default: 8192.",
            default = 8192,
        ),
        "num_sms": attr.int(
            doc = "The number of SMs that DeepGEMM uses: 132 for an H100 or H200, 78 for an H20, fewer if a server reserves " +
                  "some for communication. `layers` without it is an analysis error. Default: 0, which accepts recorded " +
                  "lists for any number.",
        ),
        "recorded": attr.label_list(
            doc = "Lists that `tools/kernels record` wrote, and reports of missing kernels (`DG_JIT_AOT_REPORT`). " +
                  "Default: none.",
            allow_files = [".jsonl"],
        ),
        "shards": attr.int(
            doc = "The number of parallel compile actions; each compiles its kernels one after another. Less than 1 is an " +
                  "analysis error. Default: 32.",
            default = 32,
        ),
        "verified": attr.bool(
            doc = "Whether the set was run on the GPU that it is for. The manifest in the wheel records it. Default: True.",
            default = True,
        ),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
        "_compile": _tool("//bazel/kernels:compile_kernels"),
        "_derive": _tool("//bazel/kernels/derive"),
        "_split": _tool("//bazel/kernels:split_kernels"),
    },
    fragments = ["cpp"],
    provides = [KernelsInfo],
    toolchains = use_cc_toolchain() + [_TOOLCHAIN],
)
