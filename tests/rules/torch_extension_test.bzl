"""Analysis tests of torch_extension and torch_sdk: compiler options, checks, errors."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@deepgemm_pythons//:versions.bzl", "PYTHONS")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load("//bazel/rules:defs.bzl", "torch_extension")
load("//bazel/torch:torch_sdk.bzl", "torch_sdk")

visibility(["//tests/..."])

def _compile_test_impl(ctx):
    env = analysistest.begin(ctx)
    compiles = [action for action in analysistest.target_actions(env) if action.mnemonic == "CppCompile"]
    asserts.true(env, compiles, "nothing is compiled")
    for action in compiles:
        for argument in ctx.attr.arguments:
            asserts.true(env, argument in action.argv, "{} is not in {}".format(argument, action.argv))
    return analysistest.end(env)

_compile_test = analysistest.make(_compile_test_impl, attrs = {"arguments": attr.string_list()})

def _checked_test_impl(ctx):
    env = analysistest.begin(ctx)
    checks = [action for action in analysistest.target_actions(env) if action.mnemonic == "ExtensionModuleCheck"]
    arguments = [" ".join(action.argv) for action in checks]
    asserts.equals(env, ctx.attr.libraries, len(checks))
    for command in arguments:
        asserts.true(env, " --module ops " in command, command)

    # Nothing takes a library that was not checked: the checks' outputs are the target's files.
    outputs = [file for action in checks for file in action.outputs.to_list()]
    asserts.equals(env, outputs, analysistest.target_under_test(env)[DefaultInfo].files.to_list())
    return analysistest.end(env)

_checked_test = analysistest.make(_checked_test_impl, attrs = {"libraries": attr.int()})

def _abi_test_impl(ctx):
    env = analysistest.begin(ctx)
    context = analysistest.target_under_test(env)[CcInfo].compilation_context
    asserts.equals(env, ctx.attr.defines, context.defines.to_list())
    return analysistest.end(env)

_abi_test = analysistest.make(_abi_test_impl, attrs = {"defines": attr.string_list()})

def _failure_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.says)
    return analysistest.end(env)

_failure_test = analysistest.make(_failure_test_impl, attrs = {"says": attr.string()}, expect_failure = True)

def _refused(name, says, rule, **kwargs):
    """A target that must not analyse, and the test that says so."""
    rule(name = name + ".target", tags = ["manual"], **kwargs)
    _failure_test(name = name, says = says, target_under_test = ":" + name + ".target")
    return name

def torch_extension_test_suite(name):
    """The analysis tests as a suite.

    Args:
        name: The suite's name.
    """
    for module, limited in [("ops", None), ("stable", "3.11")]:
        torch_extension(
            name = module,
            srcs = ["module.c"],
            defines = ["SOME=1"],
            module_name = "ops",
            py_limited_api = limited,
            tags = ["manual"],
        )
    defines = ["-DSOME=1", "-DTORCH_EXTENSION_NAME=ops"]
    _compile_test(
        name = "defines_test",
        arguments = defines + ["-DTORCH_API_INCLUDE_EXTENSION_H"],
        target_under_test = ":ops." + PYTHONS[0].tag,
    )
    _compile_test(
        name = "limited_api_test",
        arguments = defines + ["-DPy_LIMITED_API=0x30b0000"],
        target_under_test = ":stable.abi3",
    )
    _checked_test(name = "checked_test", libraries = len(PYTHONS), target_under_test = ":ops")
    _checked_test(name = "stable_abi_checked_test", libraries = 1, target_under_test = ":stable")
    for abi, defines in [("new", []), ("old", ["_GLIBCXX_USE_CXX11_ABI=0"])]:
        torch_sdk(
            name = abi + "_abi",
            cuda_version = "13.0",
            cxx11_abi = abi == "new",
            tags = ["manual"],
            version = "2.14.0",
            deps = [],
        )
        _abi_test(name = abi + "_abi_test", defines = defines, target_under_test = ":" + abi + "_abi")
    tests = [
        "defines_test",
        "new_abi_test",
        "old_abi_test",
        "limited_api_test",
        "checked_test",
        "stable_abi_checked_test",
        _refused(
            "module_name_test",
            "module_name is 'my-ops'; expected a Python identifier, the X of PyInit_X",
            torch_extension,
            srcs = ["module.c"],
            module_name = "my-ops",
        ),
        _refused(
            "import_root_test",
            "import_root is '../../..'; expected a directory of the repository",
            torch_extension,
            srcs = ["module.c"],
            import_root = "../../..",
        ),
    ] + [
        _refused(
            "cuda_version_{}_test".format(release),
            "cuda_version is '{}'; expected a release such as 13.0, or '' for a torch without CUDA".format(release),
            torch_sdk,
            cuda_version = release,
            version = "2.14.0",
            deps = [],
        )
        for release in ["None", "13", "cpu"]
    ]
    native.test_suite(name = name, tests = tests)
