"""The rule wheel_overlay: replaces a wheel's bundled copy of a package with the package of another wheel."""

load("@deepgemm_pythons//:versions.bzl", "NARROWED", "REQUIRES_PYTHON")
load("//bazel/pythons:pep440.bzl", "normalized_local_version")
load("//bazel/rules:wheel_names.bzl", "normalized_attribute", "overlay_name", "parse_wheel_name", "platform_cpu")

visibility(["//bazel/...", "//tests/..."])

_DOC = """The base wheel with its copy of a package replaced by the one of another wheel.

The result has `<package>/` of `overlay` instead of everything below `<under>/<package>/` of `base`, and the licences of
both. Its version gets a local part; METADATA, WHEEL, RECORD, tags and file name agree with each other. Every other member
is copied as it is stored.

The build fails if `base` bundles no such package or is for another platform, if it does not admit the torch that `overlay`
pins, or if `overlay` lacks a CPython that Requires-Python of `base` admits.

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

def _parsed_name(ctx, attribute):
    name = getattr(ctx.file, attribute).basename
    parsed = parse_wheel_name(name)
    if not parsed:
        fail(("{}: {} is the file {}; expected a wheel's name, NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl: " +
              "use the name that it was published under").format(ctx.label, attribute, name))
    return parsed

def _wheel_overlay_impl(ctx):
    local_version = normalized_attribute(
        ctx,
        "local_version",
        normalized_local_version,
        "letters and digits, in parts with dots between them (PEP 440), such as deepgemm.2.8.2",
    )
    base, overlay = _parsed_name(ctx, "base"), _parsed_name(ctx, "overlay")
    if platform_cpu(base.platform) != platform_cpu(overlay.platform):
        fail(("{}: base is {} and overlay is {}; expected wheels for one CPU: name the base wheel for the target " +
              "platform, as wheels.fetch does").format(ctx.label, ctx.file.base.basename, ctx.file.overlay.basename))
    name = overlay_name(base, overlay, local_version)
    wheel = ctx.actions.declare_file("{}/{}".format(ctx.label.name, name))

    args = ctx.actions.args()
    args.add("--base", ctx.file.base)
    args.add("--overlay", ctx.file.overlay)
    args.add("--package", ctx.attr.package)
    args.add("--under", ctx.attr.under)
    args.add("--local-version", local_version)
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
            doc = "The wheel that bundles a copy of the package, under the name that it was published with.",
            allow_single_file = True,
            mandatory = True,
        ),
        "local_version": attr.string(
            doc = "Appended to the version of `base` as its local part (PEP 440), such as `deepgemm.2.8.2`; if `base` has a " +
                  "local part, after that one. Letters and digits, in parts with dots between them; another is an error.",
            mandatory = True,
        ),
        "overlay": attr.label(
            doc = "A wheel that has only the package: an `extension_wheel`, or a wheel file.",
            allow_single_file = True,
            mandatory = True,
        ),
        "package": attr.string(
            doc = "The package's name: its directory at the root of `overlay`.",
            mandatory = True,
        ),
        "python_requires": attr.string(
            doc = "Requires-Python (PEP 440) of the result. It must admit no CPython that `base` does not admit. Default: " +
                  "that of `base`; while the matrix is narrowed to one CPython for development, that of the matrix.",
            default = REQUIRES_PYTHON if NARROWED else "",
        ),
        "torch_version": attr.string(
            doc = "The torch that the extension was compiled against, which `base` must admit. Default: the version that " +
                  "`overlay` pins with `==`; if `overlay` pins none, nothing is compared.",
        ),
        "under": attr.string(
            doc = "The directory of `base` that contains its copy of the package, such as `vllm/third_party`. " +
                  "Default: the wheel's root.",
        ),
        "_overlay": attr.label(
            default = "//tools/wheel:overlay",
            cfg = "exec",
            executable = True,
        ),
    },
)
