"""Analysis tests of extension_wheel: what its extensions and its pyproject.toml must say."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//bazel/rules:defs.bzl", "extension_wheel")
load("//tests/wheel:fake_extension.bzl", "fake_extension")

visibility(["//tests/..."])

def _failure_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

_failure_test = analysistest.make(_failure_test_impl, attrs = {"message": attr.string()}, expect_failure = True)

def _refused(name, message, **kwargs):
    """A wheel whose analysis must fail, and the test of its message; returns the test's name."""
    extension_wheel(name = name + ".target", tags = ["manual"], **kwargs)
    _failure_test(name = name, message = message, target_under_test = ":" + name + ".target")
    return name

def _name_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.equals(env, ctx.attr.file, analysistest.target_under_test(env)[DefaultInfo].files.to_list()[0].basename)
    return analysistest.end(env)

_name_test = analysistest.make(_name_test_impl, attrs = {"file": attr.string()})

def project_test_suite(name):
    """Declares the tests, and a test_suite of them.

    Args:
        name: The suite's name.
    """
    for extension, kwargs in {
        "a": {"package": "a"},
        "a_again": {"package": "a"},
        "cp311_alone": {"package": "b", "suffixes": {"cp311": ".cpython-311-x86_64-linux-gnu"}},
        "limited_311": {"package": "c", "py_limited_api": "3.11", "suffixes": {"abi3": ".abi3"}},
        "limited_312": {"package": "d", "py_limited_api": "3.12", "suffixes": {"abi3": ".abi3"}},
        "nowhere": {},
        "other_torch": {"package": "e", "torch_version": "2.13.0+cu130"},
    }.items():
        fake_extension(name = extension, tags = ["manual"], **kwargs)
    about = {"distribution": "ops", "version": "1"}
    names = {
        "two_limited": ["c", "ops-1-cp312-abi3-manylinux_2_28_x86_64.whl", [":limited_311", ":limited_312", ":operators"]],
        "of_each_kind": ["a", "ops-1-cp311.cp312-cp311.cp312-manylinux_2_28_x86_64.whl", [":operators", ":limited_311", ":a"]],
    }
    for target, (_, file, extensions) in names.items():
        extension_wheel(name = target, extensions = extensions, tags = ["manual"], **about)
        _name_test(name = target + "_test", file = file, target_under_test = target)
    native.test_suite(name = name, tests = [target + "_test" for target in names] + [
        _refused("no_extension_test", "neither extension nor extensions is set", **about),
        _refused(
            "one_file_name_test",
            "a/_C.cpython-311-x86_64-linux-gnu.so; give one of them another module_name or package",
            extensions = [":a", ":a_again"],
            **about
        ),
        _refused("no_package_test", "nowhere does not say its package", extension = ":nowhere", **about),
        _refused(
            "two_torches_test",
            "other_torch against torch 2.13.0+cu130; expected one torch",
            extensions = [":a", ":other_torch"],
            **about
        ),
        _refused(
            "two_matrices_test",
            "cp311_alone for cp311; expected extensions for the same CPythons",
            extensions = [":a", ":cp311_alone"],
            **about
        ),
        _refused(
            "stable_abi_too_new_test",
            "limited_312 has py_limited_api 3.12",
            extensions = [":a", ":limited_312"],
            **about
        ),
        _refused("no_version_test", "version is not set", distribution = "ops", extension = ":a"),
        _refused(
            "dynamic_version_test",
            "dynamic.toml has no [project].version; write one, such as \"1.0\", or set the attribute version, as for a dynamic",
            extension = ":a",
            pyproject = "dynamic.toml",
        ),
        _refused(
            "unknown_pyproject_test",
            "add pythons.project(pyproject = \"//tests/wheel/project:README.md\"), or set the attribute",
            extension = ":a",
            pyproject = "README.md",
        ),
        _refused(
            "data_file_elsewhere_test",
            "data_files has the path lib/x; expected one that begins with data/, headers/",
            data_files = {"library.c": "lib/x"},
            extension = ":a",
            **about
        ),
        _refused(
            "entry_point_without_a_value_test",
            "entry_points has 'ops'; expected 'name = module:function'",
            entry_points = {"console_scripts": ["ops"]},
            extension = ":a",
            **about
        ),
    ])
