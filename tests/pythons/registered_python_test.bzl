"""Analysis tests of registered_python: what toolchains that are registered for a version give, and how others fail.

The headers' toolchains are of a type of these tests' own: the oldest rules_python that serves has none. They are chosen
by rules_python's flag, which is what the rule sets; that rules_python takes exact versions only, hence 3.11.1.
"""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@rules_cc//cc:defs.bzl", "cc_library")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load("@rules_python//python:py_runtime.bzl", "py_runtime")
load("@rules_python//python:py_runtime_info.bzl", "PyRuntimeInfo")
load("//bazel/pythons:providers.bzl", "PythonAbiInfo")
load("//bazel/pythons:python_abi.bzl", "python_abi")
load("//bazel/pythons:registered_python.bzl", "registered_python_rule")

visibility(["//tests/..."])

_HEADERS_TYPE = Label("//tests/pythons:headers_toolchain_type")
_RUNTIME_TYPE = "@bazel_tools//tools/python:toolchain_type"
_FLAG = "@rules_python//python/config_settings:python_version"

_registered = registered_python_rule(_HEADERS_TYPE)

def _fake_toolchain_impl(ctx):
    major, minor = ctx.attr.version.split(".")[:2]
    runtime = struct(interpreter_version_info = struct(major = major, minor = minor))
    return [platform_common.ToolchainInfo(
        py3_runtime = ctx.attr.runtime[PyRuntimeInfo] if ctx.attr.runtime else runtime,
        py_cc_toolchain = struct(
            headers = struct(providers_map = {"CcInfo": ctx.attr.headers[CcInfo]}),
            python_version = ctx.attr.version,
            soabi = ctx.attr.soabi,
        ),
    )]

_fake_toolchain = rule(
    implementation = _fake_toolchain_impl,
    attrs = {
        "headers": attr.label(),
        "runtime": attr.label(),
        "soabi": attr.string(),
        "version": attr.string(),
    },
)

def _toolchain(name, types, serves = None, **kwargs):
    """A toolchain of each of the types, all for one version or, without `serves`, for every one."""
    _fake_toolchain(name = name, headers = ":registered_headers", tags = ["manual"], **kwargs)
    if serves:
        native.config_setting(name = name + ".serves", flag_values = {_FLAG: serves})
    for kind, toolchain_type in types.items():
        native.toolchain(
            name = "{}.{}".format(name, kind),
            target_settings = [name + ".serves"] if serves else [],
            toolchain = name,
            toolchain_type = toolchain_type,
        )

# The last one that serves is taken: as in rules_python, those for one version come before those for every one.
_REGISTERED = [str(Label("//tests/pythons:" + name)) for name in [
    "registered_3_9.headers",
    "registered_3_9.runtime",
    "registered_3_10_8.headers",
    "registered_3_10.headers",
    "registered_3_10.runtime",
    "registered_3_11.headers",
    "registered_3_11.runtime",
]]
_SETTINGS = {"//command_line_option:extra_toolchains": _REGISTERED}

def _gives_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    info = target[PythonAbiInfo]
    headers = target[CcInfo].compilation_context.headers.to_list()
    asserts.equals(env, ["Python.h"], [file.basename for file in headers])
    asserts.equals(env, "cpython-311-x86_64-linux-gnu", info.soabi)

    # The runtime's interpreter is of the machine: a script that runs it.
    asserts.equals(env, [info.interpreter], info.files.to_list())
    written = [action.content for action in analysistest.target_actions(env) if action.mnemonic == "FileWrite"]
    asserts.equals(env, ["#!/bin/sh\nexec '/nonexistent/python3.11' \"$@\"\n"], written)
    return analysistest.end(env)

_gives_test = analysistest.make(_gives_test_impl, config_settings = _SETTINGS)

def _fails_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.says)
    return analysistest.end(env)

def _fails_test_rule(config_settings):
    return analysistest.make(
        _fails_test_impl,
        attrs = {"says": attr.string()},
        config_settings = config_settings,
        expect_failure = True,
    )

_fails_test = _fails_test_rule(_SETTINGS)
_fails_without_any_test = _fails_test_rule({"//command_line_option:extra_toolchains": []})

def registered_python_test_suite(name):
    """The analysis tests as a suite.

    Args:
        name: the suite's name.
    """
    native.toolchain_type(name = "headers_toolchain_type")
    cc_library(name = "registered_headers", hdrs = ["Python.h"], tags = ["manual"])
    py_runtime(
        name = "registered_runtime",
        interpreter_path = "/nonexistent/python3.11",
        python_version = "PY3",
        tags = ["manual"],
    )
    both = {"headers": _HEADERS_TYPE, "runtime": _RUNTIME_TYPE}
    _toolchain("registered_3_11", both, serves = "3.11.1", runtime = ":registered_runtime", version = "3.11.1")
    _toolchain("registered_3_10", both, serves = "3.10.9", soabi = "cpython-310d-x86_64-linux-gnu", version = "3.10.9")
    _toolchain("registered_3_10_8", {"headers": _HEADERS_TYPE}, serves = "3.10.8", version = "3.10.8")
    _toolchain("registered_3_9", both, version = "3.9.16")
    for version in ["3.11.1", "3.10.9", "3.10.8", "3.8.15"]:
        _registered(name = "registered_" + version, python_version = version, tags = ["manual"])
    python_abi(
        name = "registered",
        headers = ":registered_3.11.1",
        interpreter = ":registered_3.11.1",
        python_version = "3.11.1",
        tags = ["manual"],
    )
    _gives_test(name = "gives_registered", size = "small", target_under_test = ":registered")
    _fails_test(
        name = "fails_debug_build",
        size = "small",
        says = "has the SOABI cpython-310d-x86_64-linux-gnu; expected cpython-310-x86_64-linux-gnu",
        target_under_test = ":registered_3.10.9",
    )
    _fails_test(
        name = "fails_other_headers",
        size = "small",
        says = "rules_python has only the headers of CPython 3.9.16; register it in MODULE.bazel with python.toolchain(",
        target_under_test = ":registered_3.8.15",
    )
    _fails_test(
        name = "fails_other_interpreter",
        size = "small",
        says = "CPython 3.10.8: rules_python has its headers, but the interpreter of CPython 3.9; expected both toolchains",
        target_under_test = ":registered_3.10.8",
    )
    _fails_without_any_test(
        name = "fails_not_registered",
        size = "small",
        says = "CPython 3.11.1: rules_python has no headers; register it in MODULE.bazel",
        target_under_test = ":registered_3.11.1",
    )
    native.test_suite(name = name, tests = [
        "fails_debug_build",
        "fails_not_registered",
        "fails_other_headers",
        "fails_other_interpreter",
        "gives_registered",
    ])
