"""CPython {VERSION} out of Debian's packages, as the Python of py_binary and py_test."""

load("@rules_python//python:py_runtime.bzl", "py_runtime")
load("@rules_python//python:py_runtime_pair.bzl", "py_runtime_pair")

package(default_visibility = ["//visibility:public"])

filegroup(
    name = "files",
    srcs = glob(
        [
            "lib/**",
            "libexec/**",
        ],
        # CPython may write .pyc files beside its modules when it runs outside of a sandbox.
        exclude = ["**/__pycache__/**"],
    ),
)

# The interpreter, as a tool of other rules.
filegroup(
    name = "python",
    srcs = ["bin/python3"],
    data = [":files"],
)

py_runtime(
    name = "runtime",{BOOTSTRAP}
    files = [":files"],
    interpreter = "bin/python3",
    python_version = "PY3",
)

py_runtime_pair(
    name = "runtime_pair",
    py3_runtime = ":runtime",
)

toolchain(
    name = "toolchain",
    exec_compatible_with = [
        "@platforms//cpu:x86_64",
        "@platforms//os:linux",
    ],
    target_compatible_with = [
        "@platforms//cpu:x86_64",
        "@platforms//os:linux",
    ],
    toolchain = ":runtime_pair",
    toolchain_type = "@bazel_tools//tools/python:toolchain_type",
)
