"""Repository rule: a torch to compile and link against, from wheels pinned by hash."""

load("//bazel/fetch:host_python.bzl", "run_module")
load("//bazel/fetch:pip.bzl", "pip_fetch")
load(":torch_pins.bzl", "torch_pins")

visibility(["//bazel/...", "//tests/..."])

# What compiling and linking need. torch_repository.py replaces the libraries by interface libraries.
_INCLUDE = [
    "nvidia/cu*/include/*",
    "nvidia/cu*/lib/libcudart.so.*",
    "nvidia/cu*/lib/libnvrtc.so.*",
    "torch/include/*",
    "torch/lib/libc10.so",
    "torch/lib/libc10_cuda.so",
    "torch/lib/libtorch.so",
    "torch/lib/libtorch_cpu.so",
    "torch/lib/libtorch_cuda.so",
    "torch/lib/libtorch_python.so",
    "torch/share/cmake/Torch/TorchConfig.cmake",
    "torch/version.py",
    "*.dist-info/licenses/LICENSE",
    "*.dist-info/licenses/License.txt",
    "*.dist-info/licenses/NOTICE",
]

def _torch_wheel_repo_impl(rctx):
    cuda = rctx.attr.cuda
    python = rctx.attr.python
    pip_fetch(
        rctx,
        torch_pins(rctx, rctx.attr.requirements, "cuda" if cuda else "cpu", python),
        "site",
        python = python,
        include = _INCLUDE,
        # A torch with CUDA can serve as one without.
        exclude = [] if cuda else ["torch/lib/lib*_cuda.so"],
    )
    run_module(
        rctx,
        "bazel.torch.torch_repository",
        ["--site", rctx.path("site"), "--out", rctx.path(".")] + ([] if cuda else ["--no-cuda"]),
    )
    rctx.template("BUILD.bazel", Label(":torch.BUILD.bazel"), executable = False)

torch_wheel_repo = repository_rule(
    implementation = _torch_wheel_repo_impl,
    doc = "torch and NVIDIA's CUDA wheels as `cc_library` targets, with the `torch_sdk` `:sdk` for all of them.",
    attrs = {
        "cuda": attr.bool(
            doc = "Whether to fetch NVIDIA's wheels too.",
            default = True,
        ),
        "python": attr.string(
            doc = "The CPython whose torch wheel is fetched. Headers and libraries are the same in all of them.",
            default = "3.12",
        ),
        "requirements": attr.label(
            doc = "Requirement file with torch and the NVIDIA wheels, each with == and --hash; or uv.lock, pylock.toml.",
            mandatory = True,
        ),
    },
)
