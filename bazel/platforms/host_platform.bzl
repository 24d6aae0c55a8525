"""A transition for outputs that no target platform changes: they are built once, for the platform of the machine."""

visibility(["//bazel/..."])

# --cpu names the output directory.
_HOST = {
    "//command_line_option:cpu": "//command_line_option:host_cpu",
    "//command_line_option:platforms": "//command_line_option:host_platform",
}

def _impl(settings, _attr):
    return {option: settings[host] for option, host in _HOST.items()}

host_platform = transition(
    implementation = _impl,
    inputs = _HOST.values(),
    outputs = _HOST.keys(),
)
