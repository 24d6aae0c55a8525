"""The rule wheel_overlay: one wheel's package in the place of another wheel's bundled copy of it."""

load("@deepgemm_pythons//:versions.bzl", "NARROWED", "REQUIRES_PYTHON")
load("//bazel/rules:wheel_names.bzl", "overlay_name", "parse_wheel_name")

visibility(["//bazel/...", "//tests/..."])

_DOC = """The base wheel with its copy of a package replaced by the one of another wheel.

Everything below `<under>/<package>/` of `base` goes, and `<package>/` of `overlay` comes in its place. The version gets a
local part; METADATA, WHEEL, RECORD, tags and file name agree with each other, the overlay's licences are added. Every
other member is copied as it is stored. The build fails where `base` bundles no such package or is for another platform,
where its torch requirement does not admit the torch that `overlay` pins, or where `overlay` lacks a CPython that the
Requires-Python of `base` admits.

```starlark
wheel_overlay(
    name = "app_wheel",
    base = "app-1.0-cp38-abi3-manylinux_2_28_x86_64.whl",
    local_version = "ops.2",
    overlay = ":my_ops_wheel",
    package = "my_ops",
    under = "app/third_party",
)
```

The output is `<name>/<file name of the new wheel>`. `vllm_wheel` is this rule with vLLM's names filled in.
"""

def _parsed(ctx, attribute):
    file = getattr(ctx.file, attribute)
    parsed = parse_wheel_name(file.basename)
    if not parsed:
        fail("{}: {} is the file {}; expected a wheel's name, NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl. ".format(
            ctx.label,
            attribute,
            file.basename,
        ) + "Give it the name that it was published under.")
    return parsed

def _wheel_overlay_impl(ctx):
    name = overlay_name(_parsed(ctx, "base"), _parsed(ctx, "overlay"), ctx.attr.local_version)
    wheel = ctx.actions.declare_file("{}/{}".format(ctx.label.name, name))
    args = ctx.actions.args()
    args.add("--base", ctx.file.base)
    args.add("--overlay", ctx.file.overlay)
    args.add("--package", ctx.attr.package)
    args.add("--under", ctx.attr.under)
    args.add("--local-version", ctx.attr.local_version)
    if ctx.attr.torch_version:
        args.add("--torch-version", ctx.attr.torch_version)
    if ctx.attr.python_requires:
        args.add("--requires-python", ctx.attr.python_requires)
    args.add("--out", wheel)
    ctx.actions.run(
        executable = ctx.executable._overlay,
        arguments = [args],
        inputs = [ctx.file.base, ctx.file.overlay],
        outputs = [wheel],
        mnemonic = "WheelOverlay",
        progress_message = "Overlaying %{label}",
    )
    return [DefaultInfo(files = depset([wheel]))]

wheel_overlay = rule(
    implementation = _wheel_overlay_impl,
    doc = _DOC,
    attrs = {
        "base": attr.label(
            doc = "The wheel whose bundled package is replaced, under the name that it was published with.",
            allow_single_file = True,
            mandatory = True,
        ),
        "local_version": attr.string(
            doc = "Appended to the version of `base` as its local part (PEP 440), such as `deepgemm.2.8.2`; after a " +
                  "local part that is there. Letters and digits, in parts with dots between them.",
            mandatory = True,
        ),
        "overlay": attr.label(
            doc = "The wheel of the package alone: an `extension_wheel`, or a wheel file.",
            allow_single_file = True,
            mandatory = True,
        ),
        "package": attr.string(
            doc = "The package's name, its directory at the root of `overlay`.",
            mandatory = True,
        ),
        "python_requires": attr.string(
            doc = "Requires-Python of the result, which must admit no CPython that `base` does not. Default: that of " +
                  "`base`; that of the matrix while it is narrowed to one CPython for development.",
            default = REQUIRES_PYTHON if NARROWED else "",
        ),
        "torch_version": attr.string(
            doc = "The torch that the extension was compiled against, which `base` must admit. Default: the one that " +
                  "`overlay` pins with `==`; where it pins none, nothing is checked.",
        ),
        "under": attr.string(
            doc = "The directory of `base` that holds its copy of the package, such as `vllm/third_party`; empty (the " +
                  "default) for the wheel's root.",
        ),
        "_overlay": attr.label(
            default = "//tools/wheel:overlay",
            cfg = "exec",
            executable = True,
        ),
    },
)
