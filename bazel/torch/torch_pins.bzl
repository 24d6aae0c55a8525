"""Finds the pins of a part of torch, in a requirement file or in a project's lock."""

load("//bazel/fetch:host_python.bzl", "run_module")

visibility(["//bazel/torch/..."])

def is_lock(requirements):
    """Returns whether a file is a project's lock by its name: `uv.lock`, `pylock.toml` or `pylock.NAME.toml` (PEP 751).

    Args:
        requirements: Label of the file.

    Returns:
        bool.
    """
    name = requirements.name.rpartition("/")[2]
    return name == "uv.lock" or (name.startswith("pylock.") and name.endswith(".toml"))

def torch_pins(rctx, requirements, part, python):
    """Returns the requirement file of a part of torch, for `pip_fetch`.

    Args:
        rctx: the repository context.
        requirements: Label of a requirement file, or of a lock. An edit of it fetches again.
        part: string, as torch_pins.py has them: `cuda`, `cpu`, `shared`, `compiled`.
        python: string, the CPython, such as `3.12`.

    Returns:
        The Label of a requirement file that has this part alone; else the path of one that this function has written.
    """
    if not is_lock(requirements) and part != "cpu":
        return requirements
    rctx.watch(requirements)
    out = rctx.path("pins/" + requirements.name.rpartition("/")[2].removesuffix(".txt") + ".txt")
    rctx.file(out)
    run_module(
        rctx,
        "bazel.torch.torch_pins",
        [part, "--requirements", rctx.path(requirements), "--python", python, "--out", out] +
        ["--headers", rctx.path(Label("//third_party/torch:cuda-13.0-headers.txt"))],
        # tomli and packaging.
        libraries = [rctx.path(Label("@deepgemm_pip//:site/packaging/markers.py")).dirname.dirname],
    )
    return out
