"""The rule platform_wheels: one wheel target, built for several platforms in one invocation."""

load("//bazel/platforms:cpus.bzl", "CPUS")

visibility(["//bazel/...", "//tests/..."])

_DOC = """The wheels of a target for several platforms.

```starlark
platform_wheels(
    name = "my_ops_wheels",
    wheel = ":my_ops_wheel",
)
```

The outputs are `<name>/<file name of each wheel>`. A target with one wheel for all platforms is an error.
"""

_PLATFORMS = "//command_line_option:platforms"

def _for_each_platform(_settings, attr):
    return {str(platform): {_PLATFORMS: [platform]} for platform in attr.platforms}

_each_platform = transition(
    implementation = _for_each_platform,
    inputs = [],
    outputs = [_PLATFORMS],
)

def _platform_wheels_impl(ctx):
    wheels = {}
    for platform, target in ctx.split_attr.wheel.items():
        for file in target[DefaultInfo].files.to_list():
            if file.basename in wheels:
                fail(("{}: {} gives {} for {} and for another platform; expected a wheel for each: name a target whose " +
                      "wheel depends on the platform, such as an extension_wheel").format(
                    ctx.label,
                    target.label,
                    file.basename,
                    platform,
                ))
            wheels[file.basename] = ctx.actions.declare_file("{}/{}".format(ctx.label.name, file.basename))
            ctx.actions.symlink(output = wheels[file.basename], target_file = file)
    return [DefaultInfo(files = depset(wheels.values()))]

platform_wheels = rule(
    implementation = _platform_wheels_impl,
    doc = _DOC,
    attrs = {
        "platforms": attr.label_list(
            doc = "The platforms. Default: this ruleset's `linux_x86_64` and `linux_aarch64`.",
            allow_empty = False,
            default = [Label("//bazel/platforms:linux_" + cpu) for cpu in CPUS],
            providers = [platform_common.PlatformInfo],
        ),
        "wheel": attr.label(
            doc = "A target with a wheel, such as an `extension_wheel` or a `wheel_overlay`.",
            allow_files = [".whl"],
            cfg = _each_platform,
            mandatory = True,
        ),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
)
