"""A transition for outputs that no target platform changes: they are built once, for the platform of the machine."""

visibility(["//bazel/..."])

def _impl(settings, _attr):
    return {
        # --cpu names the output directory.
        "//command_line_option:cpu": settings["//command_line_option:host_cpu"],
        "//command_line_option:platforms": [settings["//command_line_option:host_platform"]],
    }

host_platform = transition(
    implementation = _impl,
    inputs = [
        "//command_line_option:host_cpu",
        "//command_line_option:host_platform",
    ],
    outputs = [
        "//command_line_option:cpu",
        "//command_line_option:platforms",
    ],
)
