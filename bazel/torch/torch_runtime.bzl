"""The rule torch_runtime: gives tests the packages that they import with one CPython."""

load("@rules_python//python:py_info.bzl", "PyInfo")
load("//bazel/pythons:python_in_use.bzl", "PYTHON_IN_USE", "py_providers", "python_in_use", "refusal")
load(":providers.bzl", "TorchRuntimeInfo")

# Public by necessity: repositories of torch to import load it. No interface: it may change at any time.
visibility("public")

def _torch_runtime_impl(ctx):
    # A link to the directory, in place of 50,000 inputs. It is absolute, so neither another machine nor a cache may have it.
    packages = ctx.actions.declare_symlink(ctx.label.name + ".packages")
    ctx.actions.run_shell(
        arguments = [ctx.file.anchor.path, packages.path],
        command = "ln -s \"$(dirname \"$(readlink -f \"$1\")\")/site\" \"$2\"",
        execution_requirements = {"no-cache": "", "no-remote": ""},
        inputs = [ctx.file.anchor],
        mnemonic = "TorchRuntime",
        outputs = [packages],
        progress_message = "Linking the packages of %{label}",
        # The shell comes from no toolchain (--incompatible_auto_exec_groups).
        toolchain = None,
    )
    tag = python_in_use(ctx)
    files = [packages, ctx.file.anchor]
    if tag and tag != ctx.attr.tag:
        message = "found the Python in use {}; expected {}: depend on {}".format(tag, ctx.attr.tag, ctx.label.name)
        files = [refusal(ctx, message + " in targets for that Python only")]
    python = py_providers(ctx, packages.short_path.removeprefix("../"), files = files)
    return [
        DefaultInfo(files = depset([ctx.file.anchor]), runfiles = python.runfiles),
        python.info,
        TorchRuntimeInfo(anchor = ctx.file.anchor, tag = ctx.attr.tag),
    ]

torch_runtime = rule(
    implementation = _torch_runtime_impl,
    doc = "The packages that importing an extension on torch needs, for one CPython.",
    attrs = {
        "anchor": attr.label(
            doc = "The file of pins. The packages lie beside it, in the directory `site`. They are 50,000 files, so this " +
                  "one file is the test's declared input, and the test finds the others beside it.",
            allow_single_file = True,
            mandatory = True,
        ),
        "tag": attr.string(
            doc = "The CPython's tag, such as `cp312`.",
            mandatory = True,
        ),
    },
    provides = [PyInfo, TorchRuntimeInfo],
    toolchains = PYTHON_IN_USE,
)
