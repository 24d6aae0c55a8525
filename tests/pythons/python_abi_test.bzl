"""Analysis tests of python_abi: what it gives, and how it fails."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@deepgemm_pythons//:versions.bzl", "PYTHONS")
load("@rules_cc//cc:defs.bzl", "cc_library")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load("//bazel/pythons:providers.bzl", "PythonAbiInfo")
load("//bazel/pythons:python_abi.bzl", "python_abi")

visibility(["//tests/..."])

def _gives_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    info = target[PythonAbiInfo]
    asserts.equals(env, ctx.attr.version, info.version)
    asserts.equals(env, "cp" + ctx.attr.version.replace(".", ""), info.tag)
    asserts.equals(env, "cpython-{}-x86_64-linux-gnu".format(ctx.attr.version.replace(".", "")), info.soabi)
    asserts.equals(env, ctx.attr.has_interpreter, info.interpreter != None)
    if info.interpreter:
        asserts.true(env, info.interpreter in info.files.to_list(), "files has the interpreter")
    context = target[CcInfo].compilation_context
    asserts.true(env, context.headers.to_list(), "there are headers")
    asserts.equals(env, [], context.defines.to_list())
    for linked in target[CcInfo].linking_context.linker_inputs.to_list():
        asserts.equals(env, [], linked.libraries, "an extension does not link libpython")
    return analysistest.end(env)

_gives_test = analysistest.make(_gives_test_impl, attrs = {
    "has_interpreter": attr.bool(default = True),
    "version": attr.string(),
})

def _fails_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.says)
    return analysistest.end(env)

_fails_test = analysistest.make(_fails_test_impl, attrs = {"says": attr.string()}, expect_failure = True)

def _fails(name, says, headers = ":fake_headers", **kwargs):
    python_abi(name = name + ".subject", headers = headers, tags = ["manual"], **kwargs)
    _fails_test(name = name, size = "small", says = says, target_under_test = name + ".subject")
    return name

def python_abi_test_suite(name):
    """The analysis tests as a suite.

    Args:
        name: the suite's name.
    """
    cc_library(name = "fake_headers", hdrs = ["Python.h"], tags = ["manual"])
    cc_library(name = "no_headers", hdrs = ["patchlevel.h"], tags = ["manual"])
    tests = []
    for python in PYTHONS:
        _gives_test(name = "gives_" + python.tag, size = "small", target_under_test = python.abi, version = python.version)
        tests.append("gives_" + python.tag)

    python_abi(name = "headers_only", headers = ":fake_headers", python_version = "3.10.4", tags = ["manual"])
    _gives_test(
        name = "gives_headers_only",
        size = "small",
        has_interpreter = False,
        target_under_test = ":headers_only",
        version = "3.10",
    )

    native.test_suite(
        name = name,
        tests = tests + [
            "gives_headers_only",
            _fails("fails_python_2", "'2.7' is no CPython 3 version", python_version = "2.7"),
            _fails("fails_no_number", "'3.x' is no CPython 3 version", python_version = "3.x"),
            _fails(
                "fails_no_headers",
                "no_headers has no Python.h for CPython 3.12; expected a target with that Python's headers",
                headers = ":no_headers",
                python_version = "3.12",
            ),
            _fails("fails_two_files", "has 2 files; expected one executable", interpreter = ":two_files", python_version = "3.12"),
        ],
    )
