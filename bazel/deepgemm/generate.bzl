"""A rule for the stub of the extension module, which DeepGEMM's own build generates."""

# Public by necessity: the repository of DeepGEMM's source loads it. No interface: it may change at any time.
visibility("public")

def _deepgemm_stub_impl(ctx):
    args = ctx.actions.args()
    args.add("--script", ctx.file.script)
    args.add("--csrc", ctx.file.bindings.dirname)
    args.add("--out", ctx.outputs.out)
    ctx.actions.run(
        executable = ctx.executable._generate,
        arguments = [args],
        inputs = [ctx.file.script, ctx.file.bindings] + ctx.files.srcs,
        outputs = [ctx.outputs.out],
        mnemonic = "DeepGemmStub",
        progress_message = "Writing the stub of DeepGEMM's bindings for %{label}",
    )

deepgemm_stub = rule(
    implementation = _deepgemm_stub_impl,
    doc = "Writes `_C.pyi` with DeepGEMM's own script, in an order that does not depend on the machine.",
    attrs = {
        "bindings": attr.label(
            doc = "`csrc/python_api.cpp`. The script searches its directory.",
            allow_single_file = [".cpp"],
            mandatory = True,
        ),
        "out": attr.output(doc = "The stub.", mandatory = True),
        "script": attr.label(
            doc = "DeepGEMM's `scripts/generate_pyi.py`.",
            allow_single_file = [".py"],
            mandatory = True,
        ),
        "srcs": attr.label_list(doc = "All files of that directory.", allow_files = True, mandatory = True),
        "_generate": attr.label(default = ":generate", executable = True, cfg = "exec"),
    },
)
