"""The rule for_aarch64: files that are built for aarch64, whatever the platform of the build is."""

visibility(["//tests/..."])

def _transition_impl(_settings, _attr):
    return {"//command_line_option:platforms": [Label("//bazel/platforms:linux_aarch64")]}

_transition = transition(
    implementation = _transition_impl,
    inputs = [],
    outputs = ["//command_line_option:platforms"],
)

def _for_aarch64_impl(ctx):
    runfiles = ctx.runfiles().merge_all([src[DefaultInfo].default_runfiles for src in ctx.attr.srcs])
    return [DefaultInfo(files = depset(ctx.files.srcs), runfiles = runfiles)]

for_aarch64 = rule(
    implementation = _for_aarch64_impl,
    doc = "The files of `srcs`, built for aarch64.",
    attrs = {
        "srcs": attr.label_list(
            doc = "The targets.",
            mandatory = True,
            allow_files = True,
            cfg = _transition,
        ),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
)
