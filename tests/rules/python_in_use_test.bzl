"""Analysis tests: which libraries of an extension a py_test gets, by what the Python toolchain shows of its version."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@deepgemm_pythons//:versions.bzl", "PYTHONS")
load("@rules_python//python:py_info.bzl", "PyInfo")
load("@rules_python//python:py_runtime_info.bzl", "PyRuntimeInfo")
load("//bazel/pythons:naming.bzl", "python_soabi")
load("//bazel/rules:defs.bzl", "torch_extension")

visibility(["//tests/..."])

def _runtime_impl(ctx):
    # The tools' own Python, which the rules that run tools need, but of another version: rules_python 0.22 cannot state one.
    info = ctx.attr.runtime[PyRuntimeInfo]
    version = [int(part) for part in ctx.attr.version.split(".") if part]
    fields = {name: getattr(info, name) for name in dir(info) if name not in ("to_json", "to_proto")} | {
        "abi_flags": ctx.attr.abi_flags,
        "files": depset(),
        "interpreter_version_info": struct(major = version[0], minor = version[1]) if version else None,
    }
    return [platform_common.ToolchainInfo(py3_runtime = struct(**fields))]

_runtime = rule(
    implementation = _runtime_impl,
    attrs = {
        "abi_flags": attr.string(default = "<AUTO>"),
        "runtime": attr.label(default = "@deepgemm_tools_python//:runtime"),
        "version": attr.string(),
    },
)

def _used_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    links = sorted([entry.path for entry in target[DefaultInfo].default_runfiles.root_symlinks.to_list()])
    asserts.equals(env, ctx.attr.links, links)
    refused = [action.argv[-1] for action in analysistest.target_actions(env) if action.mnemonic == "PythonInUse"]
    asserts.equals(env, 1 if ctx.attr.refused else 0, len(refused))
    for message in refused:
        asserts.true(env, ctx.attr.refused in message, message)
    asserts.equals(env, [ctx.attr.import_root], target[PyInfo].imports.to_list())
    return analysistest.end(env)

def _used_test(toolchain):
    return analysistest.make(
        _used_test_impl,
        attrs = {
            "import_root": attr.string(),
            "links": attr.string_list(),
            "refused": attr.string(),
        },
        config_settings = {"//command_line_option:extra_toolchains": [str(Label(toolchain))]},
    )

_oldest_test = _used_test("//tests/rules:python_oldest")
_old_test = _used_test("//tests/rules:python_old")
_threaded_test = _used_test("//tests/rules:python_threaded")
_unknown_test = _used_test("//tests/rules:python_unknown")

def python_in_use_test_suite(name):
    """The tests as a suite.

    Args:
        name: The suite's name.
    """
    oldest = PYTHONS[0]
    for python, runtime in {
        "old": {"version": "3.7"},
        "oldest": {"version": oldest.version},
        "threaded": {"abi_flags": "t", "version": oldest.version},
        "unknown": {},
    }.items():
        _runtime(
            name = "python_{}.runtime".format(python),
            tags = ["manual"],
            # Bazel's own rules refer to it (--incompatible_check_visibility_for_toolchains).
            visibility = ["//visibility:public"],
            **runtime
        )
        native.toolchain(
            name = "python_" + python,
            tags = ["manual"],
            toolchain = "python_{}.runtime".format(python),
            toolchain_type = "@bazel_tools//tools/python:toolchain_type",
        )
    common = {"srcs": ["module.c"], "tags": ["manual"]}
    torch_extension(name = "used", package = "a/b", **common)
    torch_extension(name = "used_at_src", import_root = "src", **common)
    torch_extension(name = "used_above", import_root = "..", package = "rules", py_limited_api = oldest.version, **common)
    torch_extension(name = "used_operators", module_name = "_ops", operators = True, package = "a", **common)
    here = "_main/tests/rules"
    library = here + "/a/b/_C.{}.so"
    expected = "found the Python in use {}; expected one of {}, which"
    tags = ", ".join([python.tag for python in PYTHONS])
    operators = {"import_root": here, "links": [here + "/a/_ops.so"]}
    native.test_suite(name = name, tests = [
        _made(_oldest_test, "oldest", "used", import_root = here, links = [library.format(python_soabi(oldest.version, "x86_64"))]),
        _made(_oldest_test, "src", "used_at_src", import_root = here + "/src", links = [
            "{}/src/_C.{}.so".format(here, python_soabi(oldest.version, "x86_64")),
        ]),
        _made(_oldest_test, "above", "used_above", import_root = "_main/tests", links = [here + "/_C.abi3.so"]),
        _made(_old_test, "old", "used", import_root = here, refused = expected.format("cp37", tags)),
        _made(_old_test, "old_operators", "used_operators", **operators),
        _made(_threaded_test, "threaded", "used", import_root = here, refused = expected.format(oldest.tag + "t", tags)),
        _made(_unknown_test, "unknown", "used", import_root = here, links = [
            library.format(python_soabi(python.version, "x86_64"))
            for python in PYTHONS
        ]),
        _made(_unknown_test, "unknown_operators", "used_operators", **operators),
    ])

def _made(test, name, target, **kwargs):
    name = "python_in_use_{}_test".format(name)
    test(name = name, target_under_test = ":" + target, **kwargs)
    return name
