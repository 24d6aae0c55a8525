"""The macro pytest_test: Python tests run by the real pytest, under Bazel's conventions."""

load("@rules_python//python:defs.bzl", "py_test")

visibility(["//tests/..."])

_RUNNER = Label("//tests:run_pytest.py")

def pytest_test(name, srcs, deps = [], data = [], args = [], **kwargs):
    """Runs pytest on the files of `srcs` whose names begin with `test_`; the others are helpers that they import.

    `--test_filter` becomes pytest's `-k`, the results become the XML that Bazel expects, and temporary files lie in
    `$TEST_TMPDIR`. The log lists skipped tests with their reasons.

    Args:
        name: The target's name.
        srcs: The test files, and helper modules of this package.
        deps: `py_library` targets that they import.
        data: Files that they read.
        args: Further arguments of pytest.
        **kwargs: Handed on to `py_test`.
    """
    tests = [src for src in srcs if src.split("/")[-1].split(":")[-1].startswith("test_")]
    if not tests:
        fail("pytest_test {}: srcs has {}; expected at least one file named test_….py".format(name, ", ".join(srcs)))
    py_test(
        name = name,
        srcs = srcs + [_RUNNER],
        args = ["$(rootpath {})".format(test) for test in tests] + args,
        data = data,
        legacy_create_init = 0,
        main = _RUNNER,
        deps = deps + ["@deepgemm_pip_tests//:pytest"],
        **kwargs
    )
