"""The rule jit_runtime: a patched copy of DeepJIT's runtime.hpp that also searches the package for kernels."""

load("@rules_cc//cc:defs.bzl", "CcInfo", "cc_common")

visibility(["//bazel/...", "//tests/..."])

_NAME = "deep_jit/runtime/runtime.hpp"

# SHA-256 of the header that overlay/runtime.hpp.patch applies to: DeepJIT in DeepGEMM 2.8.2.
_SHA256 = "4d811ebb64b2b394a84d206e65df7fd5d74055cd327d8d8e4d2aeb2cd97e2706"

def _jit_runtime_impl(ctx):
    headers = [
        file
        for file in ctx.attr.deepgemm[CcInfo].compilation_context.headers.to_list()
        if file.path.endswith("/include/" + _NAME)
    ]
    if len(headers) != 1:
        fail("{}: {} has {} headers {}; expected one".format(ctx.label, ctx.attr.deepgemm.label, len(headers), _NAME))
    directory = ctx.label.name
    out = ctx.actions.declare_file("{}/{}".format(directory, _NAME))
    args = ctx.actions.args()
    args.add("--header", headers[0])
    args.add("--sha256", _SHA256)
    args.add("--patch", ctx.file._patch)
    args.add("--out", out)
    ctx.actions.run(
        executable = ctx.executable._overlay,
        arguments = [args],
        inputs = [headers[0], ctx.file._patch],
        outputs = [out],
        # Copying one header is not worth sending an interpreter to an executor, which may have no shell to start it.
        execution_requirements = {"no-remote-exec": "1"},
        mnemonic = "DeepGemmOverlayHeader",
        progress_message = "Patching DeepJIT's runtime.hpp for %{label}",
    )
    context = cc_common.create_compilation_context(
        headers = depset([out, ctx.file._aot]),
        # GCC searches these -I directories before DeepJIT's own, which is -isystem.
        includes = depset([
            out.path.removesuffix("/" + _NAME),
            ctx.file._aot.path.removesuffix("/deep_jit/runtime/aot.hpp"),
        ]),
    )
    return [CcInfo(compilation_context = context), DefaultInfo(files = depset([out]))]

jit_runtime = rule(
    implementation = _jit_runtime_impl,
    doc = "A patched copy of DeepJIT's runtime.hpp that shadows the original, which stays as it is. An original other than " +
          "that of DeepGEMM 2.8.2 fails the build.",
    attrs = {
        "deepgemm": attr.label(
            doc = "DeepGEMM's headers, including exactly one `deep_jit/runtime/runtime.hpp`. Another number of them is an " +
                  "analysis error.",
            mandatory = True,
            providers = [CcInfo],
        ),
        "_aot": attr.label(default = "//bazel/kernels:overlay/deep_jit/runtime/aot.hpp", allow_single_file = True),
        "_overlay": attr.label(default = "//bazel/kernels:overlay_header", cfg = "exec", executable = True),
        "_patch": attr.label(default = "//bazel/kernels:overlay/runtime.hpp.patch", allow_single_file = True),
    },
    provides = [CcInfo],
)
