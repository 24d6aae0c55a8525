"""The rule registered_python: the CPython that is registered with rules_python, as headers and a runtime."""

load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load("@rules_python//python:py_runtime_info.bzl", "PyRuntimeInfo")
load("//bazel/platforms:cpus.bzl", "CPU_ATTRS", "target_cpu")
load(":naming.bzl", "minor_version", "python_soabi")

# Public by necessity: repositories of registered CPythons load it. No interface: it may change at any time.
visibility("public")

_VERSION_FLAG = "@rules_python//python/config_settings:python_version"
_RUNTIME_TYPE = "@bazel_tools//tools/python:toolchain_type"

def _transition_impl(_settings, attr):
    return {_VERSION_FLAG: attr.python_version}

_transition = transition(
    implementation = _transition_impl,
    inputs = [],
    outputs = [_VERSION_FLAG],
)

def _is(found, version):
    return (found + ".").startswith(version + ".")

def _headers(ctx, toolchain_type):
    """The CcInfo of the registered headers; an error where they are not those of an ordinary CPython of the version."""
    version = ctx.attr.python_version
    toolchain = ctx.toolchains[toolchain_type]
    found = toolchain.py_cc_toolchain if toolchain else None
    if not found or not _is(found.python_version, version):
        # Toolchain resolution gives a toolchain without a version for every version.
        fail(("pythons.registered: CPython {0}: rules_python has {1}; register it in MODULE.bazel with " +
              "python.toolchain(python_version = \"{0}\"), or name others in pythons.registered(python_versions = …), so " +
              "that this one is looked for on the machine and in Debian").format(
            version,
            "only the headers of CPython {}".format(found.python_version) if found else "no headers",
        ))

    # The toolchain has the SOABI since rules_python 2. With an older one, wheel_check_test finds a wrong SOABI in the wheel.
    soabi = getattr(found, "soabi", None)
    expected = python_soabi(minor_version(version, "python_version"), target_cpu(ctx))
    if soabi and soabi != expected:
        fail("pythons.registered: CPython {}: the one that is registered with rules_python has the SOABI {}; expected {}".format(
            version,
            soabi,
            expected,
        ))
    return found.headers.providers_map["CcInfo"]

def _runtime(ctx):
    """The PyRuntimeInfo of the registered interpreter; an error where its major and minor version are others."""
    version = ctx.attr.python_version
    runtime = ctx.toolchains[_RUNTIME_TYPE].py3_runtime
    info = getattr(runtime, "interpreter_version_info", None)
    found = "{}.{}".format(info.major, info.minor) if info else None
    if found and found != minor_version(version, "python_version"):
        fail("pythons.registered: CPython {}: rules_python has its headers, but the interpreter of CPython {}; ".format(
            version,
            found,
        ) + "expected both toolchains to be registered for {}".format(version))
    return runtime

def registered_python_rule(headers_type):
    """The rule, for one type of header toolchain.

    Args:
        headers_type: Label of the toolchain type. Tests pass one of their own, since rules_python has none before 0.24.

    Returns:
        The rule.
    """

    def _impl(ctx):
        return [_headers(ctx, headers_type), _runtime(ctx)]

    return rule(
        implementation = _impl,
        doc = "The headers and the runtime that toolchain resolution gives for one CPython.",
        attrs = CPU_ATTRS | {
            "python_version": attr.string(
                doc = "Major and minor version, such as `3.12`.",
                mandatory = True,
            ),
        },
        # Only this target and its dependencies are configured for another Python version than the build's.
        cfg = _transition,
        provides = [CcInfo, PyRuntimeInfo],
        toolchains = [
            config_common.toolchain_type(headers_type, mandatory = False),
            _RUNTIME_TYPE,
        ],
    )

registered_python = registered_python_rule(Label("@rules_python//python/cc:toolchain_type"))
