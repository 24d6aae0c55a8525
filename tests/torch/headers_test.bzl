"""Analysis tests of //bazel/torch:headers and of the rule behind it."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@rules_cc//cc:defs.bzl", "CcInfo", "cc_library")
load("//bazel/torch:torch_headers.bzl", "torch_headers")
load("//bazel/torch:torch_sdk.bzl", "torch_sdk")

visibility(["//tests/..."])

def _headers_test_impl(ctx):
    env = analysistest.begin(ctx)
    context = analysistest.target_under_test(env)[CcInfo].compilation_context
    asserts.equals(env, ["internal.h"], [header.basename for header in context.headers.to_list()])
    return analysistest.end(env)

_headers_test = analysistest.make(_headers_test_impl)

def _no_headers_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, "has no headers; expected a torch_sdk with the attribute headers")
    return analysistest.end(env)

_no_headers_test = analysistest.make(_no_headers_test_impl, expect_failure = True)

def headers_tests(name):
    """Declares the tests and their suite.

    Args:
        name: The suite's name.
    """
    tests = []
    for case, headers, test in [("with", ":_internal", _headers_test), ("without", None, _no_headers_test)]:
        sdk = "_sdk_{}_headers".format(case)
        torch_sdk(
            name = sdk,
            cuda_version = "13.0",
            headers = headers,
            tags = ["manual"],
            version = "2.14.0",
            deps = [":_public"],
        )
        torch_headers(name = sdk + ".headers", tags = ["manual"], torch = sdk)
        tests.append("{}_{}".format(name, case))
        test(name = tests[-1], size = "small", target_under_test = sdk + ".headers")
    for library in ["internal", "public"]:
        cc_library(name = "_" + library, hdrs = [library + ".h"], tags = ["manual"])
    native.test_suite(name = name, tests = tests)
