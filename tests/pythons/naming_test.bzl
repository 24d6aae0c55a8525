"""Unit tests of the names that follow from a version."""

load("@bazel_skylib//lib:partial.bzl", "partial")
load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//bazel/pythons:naming.bzl", "DEBIAN_LOCKS", "minor_version", "python_soabi", "python_tag")

visibility(["//tests/..."])

def _names_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, "3.12", minor_version("3.12", "test"))
    asserts.equals(env, "3.12", minor_version("3.12.4", "test"))
    asserts.equals(env, "cp310", python_tag("3.10"))
    asserts.equals(env, "cp39", python_tag("3.9"))
    asserts.equals(env, "cpython-310-x86_64-linux-gnu", python_soabi("3.10", "x86_64"))
    asserts.equals(env, "cpython-310-aarch64-linux-gnu", python_soabi("3.10", "aarch64"))
    return unittest.end(env)

_names_test = unittest.make(_names_test_impl)

def _locks_test_impl(ctx):
    env = unittest.begin(ctx)
    for version in DEBIAN_LOCKS["x86_64"]:
        asserts.equals(env, "python{}.lock.json".format(version), DEBIAN_LOCKS["x86_64"][version].name)
        asserts.equals(env, "python{}-aarch64.lock.json".format(version), DEBIAN_LOCKS["aarch64"][version].name)
    return unittest.end(env)

_locks_test = unittest.make(_locks_test_impl)

def naming_test_suite(name):
    """The unit tests as a suite.

    Args:
        name: the suite's name.
    """
    unittest.suite(name, *[partial.make(test, size = "small") for test in [_names_test, _locks_test]])
