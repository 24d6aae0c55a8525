"""Tests of the rules behind torch.pip, with hubs that have small files in place of torch's and NVIDIA's."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@bazel_skylib//rules:copy_file.bzl", "copy_file")
load("@bazel_skylib//rules:write_file.bzl", "write_file")
load("@rules_cc//cc:defs.bzl", "CcInfo", "cc_library")
load("@rules_python//python:defs.bzl", "py_library")
load("//bazel/torch:pip_torch.bzl", "pip_torch_files", "pip_torch_sdk")
load("//bazel/torch:providers.bzl", "TorchInfo")
load("//bazel/torch:torch_headers.bzl", "torch_headers")

visibility(["//tests/..."])

_LIBRARIES = ["c10", "torch", "torch_cpu", "torch_python"]
_CUDA_LIBRARIES = ["c10_cuda", "cudart", "nvrtc", "torch_cuda"]

def _torch(version, cuda, libraries):
    """torch's files below site-packages; a content of None is a shared library."""
    info = "torch-{}.dist-info".format(version)
    return {
        info + "/METADATA": "Name: torch",
        "torch/include/ATen/Internal.h": "#error internal",
        "torch/include/torch/csrc/api/include/torch/all.h": "",
        "torch/include/torch/extension.h": "#include <torch/all.h>" + ("\n#include <cuda_runtime.h>" if cuda else ""),
        "torch/share/cmake/Torch/TorchConfig.cmake": "",
        "torch/version.py": "__version__ = '{}'\ncuda: Optional[str] = {}".format(version, cuda and "'{}'".format(cuda)),
    } | {"torch/lib/lib{}.so".format(name): None for name in libraries}

def _runtime(version):
    return {
        "nvidia/cu13/include/cuda.h": "#define CUDA_VERSION 13000",
        "nvidia/cu13/include/cuda_runtime.h": "#include \"crt/host_defines.h\"",
        "nvidia/cu13/lib/libcudart.so.13": None,
        "nvidia_cuda_runtime-{}.dist-info/METADATA".format(version): "Name: nvidia-cuda-runtime",
    }

_NVRTC = {"nvidia/cu13/lib/libnvrtc.so.13": None}

def _crt(version):
    return {
        "nvidia/cu13/include/crt/host_defines.h": "",
        "nvidia_cuda_crt-{}.dist-info/METADATA".format(version): "Name: nvidia-cuda-crt",
    }

def _package(name, files, deps = []):
    """A package as a hub has it: a py_library, whose files lie below a site-packages of its own."""
    for path, content in files.items():
        out = "{}/site-packages/{}".format(name, path)
        if content == None:
            copy_file(name = out + ".copy", src = ":libsample.so", out = out, tags = ["manual"])
        else:
            write_file(name = out + ".write", out = out, content = [content, ""], tags = ["manual"])
    labels = ["{}/site-packages/{}".format(name, path) for path in files]
    py_library(
        name = name,
        srcs = [label for label in labels if label.endswith(".py")],
        data = [label for label in labels if not label.endswith(".py")],
        tags = ["manual"],
        deps = deps,
    )

def _facts_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    info = target[TorchInfo]
    asserts.equals(env, ("2.14.0", ctx.attr.cuda, True), (info.version, info.cuda_version, info.cxx11_abi))
    (headers,) = target[CcInfo].compilation_context.headers.to_list()
    asserts.true(env, headers.is_directory)
    names = [file.basename for file in info.headers.compilation_context.headers.to_list()]
    asserts.true(env, "Internal.h" in names)
    asserts.equals(env, bool(ctx.attr.cuda), "host_defines.h" in names)
    return analysistest.end(env)

_facts_test = analysistest.make(_facts_test_impl, attrs = {"cuda": attr.string()})

def _refused_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.expected)
    return analysistest.end(env)

_refused_test = analysistest.make(_refused_test_impl, attrs = {"expected": attr.string()}, expect_failure = True)

def pip_torch_tests(name):
    """Declares the tests and their suite.

    Args:
        name: The suite's name.
    """
    _package("pip_crt", _crt("13.0.88"))
    _package("pip_nvrtc", _NVRTC)
    _package("pip_runtime", _runtime("13.0.96"), [":pip_nvrtc"])
    _package("pip_runtime_13_4", _runtime("13.4.96"), [":pip_nvrtc"])
    _package("pip_torch_cuda", _torch("2.14.0", "13.0", _LIBRARIES + _CUDA_LIBRARIES[:1] + _CUDA_LIBRARIES[3:]), [":pip_runtime"])
    _package("pip_torch_13_4", _torch("2.14.0", "13.4", []), [":pip_runtime_13_4"])
    _package("pip_torch_cpu", _torch("2.14.0+cpu", None, _LIBRARIES))
    _package("pip_other", {"other.py": ""})

    tests = []
    for case, torch, cuda, headers, expected in [
        ("cuda", "pip_torch_cuda", True, [":pip_crt"], None),
        ("cpu", "pip_torch_cpu", False, [], None),
        ("cuda_as_cpu", "pip_torch_cuda", False, [], None),
        ("no_torch", "pip_other", False, [], "pip_other has no torch/version.py below site-packages"),
        ("cpu_torch", "pip_torch_cpu", True, [":pip_crt"], "is torch 2.14.0+cpu without nvidia-cuda-runtime of CUDA 13"),
        ("no_crt", "pip_torch_cuda", True, [], "expected the headers of nvidia-cuda-crt 13.0.*, not none: add"),
        ("other_crt", "pip_torch_13_4", True, [":pip_crt"], "nvidia-cuda-crt 13.4.*, not 13.0.88: add"),
    ]:
        files = "_pip_{}".format(case)
        libraries = _LIBRARIES + (_CUDA_LIBRARIES if cuda else [])
        pip_torch_files(
            name = files,
            cuda = cuda,
            headers = headers,
            libraries = libraries,
            outs = ["{}.lib/lib{}.so".format(files, library) for library in libraries],
            tags = ["manual"],
            torch = torch,
        )
        tests.append("{}_{}".format(name, case))
        if expected:
            _refused_test(name = tests[-1], size = "small", expected = expected, target_under_test = files)
        else:
            _facts_test(name = tests[-1], size = "small", cuda = "13.0" if cuda else "", target_under_test = files)
    native.test_suite(name = name, tests = tests)

    # The headers that an extension can include, copied, compile; so do all of them, where they lie.
    for case in ["cpu", "cuda"]:
        pip_torch_sdk(name = "_pip_sdk_" + case, deps = [], files = "_pip_" + case, tags = ["manual"])
        torch_headers(name = "_pip_headers_" + case, tags = ["manual"], torch = "_pip_sdk_" + case)
        for kind in ["sdk", "headers"]:
            cc_library(name = "pip_{}_{}".format(kind, case), srcs = ["pip_sample.cc"], deps = ["_pip_{}_{}".format(kind, case)])
