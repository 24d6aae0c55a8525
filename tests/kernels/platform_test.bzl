"""A set of kernels is the same files, from the same actions, for every target platform."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//bazel/rules:defs.bzl", "deepgemm_kernels")
load("//tests:for_aarch64.bzl", "for_aarch64")

visibility(["//tests/..."])

def _same_files_impl(ctx):
    env = unittest.begin(ctx)
    asserts.true(env, bool(ctx.files.kernels))
    asserts.equals(env, ctx.files.kernels, ctx.files.other)
    return unittest.end(env)

_same_files_test = unittest.make(
    _same_files_impl,
    attrs = {"kernels": attr.label(), "other": attr.label()},
)

def platform_test(name):
    """Defines the test.

    Args:
        name: The test's name.
    """
    deepgemm_kernels(
        name = name + "_kernels",
        testonly = True,
        arch = "sm_90a",
        layers = {"fp8_dense": ["512x512"]},
        num_sms = 132,
        tags = ["manual"],
    )
    for_aarch64(name = name + "_aarch64", testonly = True, srcs = [":{}_kernels".format(name)], tags = ["manual"])
    _same_files_test(name = name, kernels = ":{}_kernels".format(name), other = ":{}_aarch64".format(name))
