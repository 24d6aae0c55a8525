"""A transition for outputs that no target platform changes: they are built once, for the platform of the machine."""

visibility(["//bazel/..."])

_CPU = "//command_line_option:cpu"
_HOST_CPU = "//command_line_option:host_cpu"
_HOST_PLATFORM = "//command_line_option:host_platform"
_PLATFORMS = "//command_line_option:platforms"

def _impl(settings, _attr):
    # --cpu names the output directory.
    return {_CPU: settings[_HOST_CPU], _PLATFORMS: [settings[_HOST_PLATFORM]]}

host_platform = transition(
    implementation = _impl,
    inputs = [_HOST_CPU, _HOST_PLATFORM],
    outputs = [_CPU, _PLATFORMS],
)
