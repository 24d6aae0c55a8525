"""The rule exec_binary: a program as actions run it, so that a test of it builds nothing that the build has not."""

visibility(["//tests/..."])

def _exec_binary_impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = out, target_file = ctx.executable.binary, is_executable = True)
    return [DefaultInfo(executable = out, files = depset([out]))]

exec_binary = rule(
    implementation = _exec_binary_impl,
    doc = "The executable of `binary` in the execution configuration.",
    attrs = {
        "binary": attr.label(doc = "The program.", cfg = "exec", executable = True, mandatory = True),
    },
)
