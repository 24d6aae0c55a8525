"""Analysis tests of the rules that compile kernels."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//bazel/kernels:kernels_directory.bzl", "kernels_directory")
load("//bazel/kernels:nvcc_toolchain.bzl", "nvcc_toolchain")
load("//bazel/kernels:providers.bzl", "KernelsInfo")
load("//bazel/rules:defs.bzl", "deepgemm_kernels")

visibility(["//tests/..."])

def _old_kernels_impl(ctx):
    text = ctx.actions.declare_file(ctx.label.name + ".txt")
    ctx.actions.write(text, "")
    return [KernelsInfo(
        compiler_text = text,
        cuda_version = "12.9",
        deepgemm = "2.8.2",
        description = "old=sm_90a=132=true",
        parts = [],
    )]

_old_kernels = rule(implementation = _old_kernels_impl, doc = "A set that the nvcc of CUDA 12.9 compiled.")

def _fails_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

_fails_test = analysistest.make(
    _fails_impl,
    attrs = {"message": attr.string(doc = "Part of the error.", mandatory = True)},
    expect_failure = True,
)

def _actions_impl(ctx):
    env = analysistest.begin(ctx)
    actions = [a for a in analysistest.target_actions(env) if a.mnemonic == "DeepGemmCompileKernels"]
    asserts.equals(env, 3, len(actions))
    for action in actions:
        arguments = " ".join(action.argv)
        asserts.false(env, " /" in arguments or "=/" in arguments, "an absolute path in " + arguments)

        # Each kernel brings DeepJIT's flags. The C++ toolchain may add only flags that locate its files.
        for flag in ["-std=", "-DNDEBUG", "-D_FORTIFY_SOURCE", "-O2"]:
            asserts.false(env, flag in arguments, "{} in {}".format(flag, arguments))
    return analysistest.end(env)

_actions_test = analysistest.make(_actions_impl)

def kernels_test_suite(name):
    """Defines the tests and a suite of them.

    Args:
        name: The name of the suite.
    """
    layers = {"fp8_dense": ["512x512"]}
    _old_kernels(name = "old_kernels", tags = ["manual"])
    kernels_directory(name = "other_cuda", testonly = True, kernels = [":old_kernels"], tags = ["manual"])
    nvcc_toolchain(name = "odd_nvcc", cuda_version = "thirteen", files = [], nvcc = "jit_probe.cc", tags = ["manual"])
    deepgemm_kernels(name = "no_list", arch = "sm_90a", tags = ["manual"])
    deepgemm_kernels(name = "no_sms", arch = "sm_90a", layers = layers, tags = ["manual"])
    deepgemm_kernels(name = "no_device", arch = "sm_100a", layers = layers, num_sms = 148, tags = ["manual"])
    deepgemm_kernels(name = "no_shards", arch = "sm_90a", layers = layers, num_sms = 132, shards = 0, tags = ["manual"])
    deepgemm_kernels(name = "three", arch = "sm_90a", layers = layers, num_sms = 132, shards = 3, tags = ["manual"])
    failing = {
        "no_device": "arch is 'sm_100a'; layers need one of sm_90a, sm_100f, sm_103f",
        "no_list": "found neither recorded nor layers",
        "no_shards": "shards is 0; expected 1 or more",
        "no_sms": "layers without num_sms",
        "odd_nvcc": "cuda_version is 'thirteen'; expected a release such as 13.0",
        "other_cuda": "compiled by the nvcc of CUDA 12.9, torch was built with CUDA 13.0; expected the same major version",
    }
    for target, message in failing.items():
        _fails_test(name = target + "_test", size = "small", message = message, target_under_test = ":" + target)
    _actions_test(name = "three_test", size = "small", target_under_test = ":three")
    native.test_suite(
        name = name,
        tests = [":{}_test".format(target) for target in failing.keys() + ["three"]],
    )
