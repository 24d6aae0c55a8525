"""Repository rule: a torch and a CUDA toolkit that are installed on this machine."""

load("//bazel/fetch:host_python.bzl", "run_module")

visibility(["//bazel/...", "//tests/..."])

# Prints torch's directory. It does not import torch, which takes seconds and needs all of torch's libraries.
_FIND_TORCH = """
import importlib.util, os
spec = importlib.util.find_spec("torch")
print(os.path.dirname(spec.origin) if spec and spec.origin else "")
"""

def _torch_directory(rctx):
    interpreter = rctx.attr.interpreter
    if "/" not in interpreter:
        interpreter = rctx.which(interpreter) or interpreter
    result = rctx.execute([interpreter, "-c", _FIND_TORCH])
    if result.return_code != 0:
        fail("torch.local: {} does not run as a Python (exit code {}); expected one that has torch".format(
            rctx.attr.interpreter,
            result.return_code,
        ))
    found = result.stdout.strip()
    if not found:
        fail("torch.local: {} has no torch; install one there, or name another interpreter".format(interpreter))
    return rctx.path(found)

def _toolkits(rctx, torch):
    """Returns cuda_home, or else where a toolkit may be: NVIDIA's wheels beside torch, $CUDA_HOME, /usr/local/cuda."""
    if rctx.attr.cuda_home:
        return [rctx.path(rctx.attr.cuda_home)]
    wheels = torch.dirname.get_child("nvidia")
    beside = [path for path in wheels.readdir() if path.basename.startswith("cu1")] if wheels.exists else []
    return beside + [rctx.path(path) for path in [rctx.getenv("CUDA_HOME"), "/usr/local/cuda"] if path]

def _torch_local_repo_impl(rctx):
    torch = _torch_directory(rctx)
    toolkits = _toolkits(rctx, torch) if rctx.attr.cuda else []
    for facts in [torch.get_child("version.py")] + [toolkit.get_child("include", "cuda.h") for toolkit in toolkits]:
        rctx.watch(facts)
    run_module(
        rctx,
        "bazel.torch.torch_repository",
        ["--torch", torch, "--out", rctx.path(".")] + (["--cuda"] + toolkits if rctx.attr.cuda else ["--no-cuda"]),
        what = "torch.local",
    )
    rctx.template("BUILD.bazel", Label(":torch.BUILD.bazel"), executable = False)

torch_local_repo = repository_rule(
    implementation = _torch_local_repo_impl,
    doc = "An installed torch and toolkit, with the targets of `torch_wheel_repo`. The installation is not pinned, so " +
          "another machine's build may differ.",
    attrs = {
        "cuda": attr.bool(
            doc = "Whether there is to be a toolkit.",
            default = True,
        ),
        "cuda_home": attr.string(
            doc = "The toolkit's directory. Default: NVIDIA's wheels beside torch, $CUDA_HOME, /usr/local/cuda.",
        ),
        "interpreter": attr.string(
            doc = "The Python that has torch: a path, or a name on the PATH.",
            default = "python3",
        ),
    },
    configure = True,
    local = True,
)
