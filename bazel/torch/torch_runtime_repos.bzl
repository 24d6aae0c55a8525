"""Repository rules: the packages that importing an extension on torch needs, laid out as a site-packages directory.

One repository has the wheels that serve every CPython, NVIDIA's libraries above all. The repository of each CPython has
its own torch and links to the shared packages, so that the search paths in torch's libraries (`$ORIGIN/../../nvidia/…`)
hold.
"""

load("//bazel/fetch:pip.bzl", "pip_fetch")
load(":torch_pins.bzl", "torch_pins")

visibility(["//bazel/...", "//tests/..."])

# No import reads these: headers, tools, static libraries, the compilers inside triton.
_EXCLUDE = [
    "*.a",
    "nvidia/*/include/*",
    "nvidia/*/bin/*",
    "torch/include/*",
    "torch/test/*",
    "triton/backends/*/bin/*",
    "triton/backends/*/lib/*.a",
]

# Any CPython would do for wheels that serve every one. This is the default of `torch.wheel`, which needs some of NVIDIA's
# wheels too: with the same options they come out of the cache.
_PYTHON = "3.12"

_CPU = attr.string(doc = "The CPU of the wheels, such as `aarch64`.", mandatory = True)

def _shared_repo_impl(rctx):
    requirements = torch_pins(rctx, rctx.attr.requirements, "shared", _PYTHON, rctx.attr.cpu)
    pip_fetch(rctx, requirements, "site", python = _PYTHON, cpu = rctx.attr.cpu, exclude = _EXCLUDE)
    for entry in rctx.path("site").readdir(watch = "no"):
        wheel = entry.get_child("WHEEL")
        if not wheel.exists:
            continue
        for line in rctx.read(wheel).splitlines():
            if line.startswith("Tag: ") and not line.startswith("Tag: py"):
                fail("{} has {}, whose wheel is for one CPython ({}); expected wheels for every CPython. ".format(
                    rctx.attr.requirements,
                    entry.basename.removesuffix(".dist-info"),
                    line,
                ) + "Move it to the file of compiled packages (bazel run @rules_deepgemm//tools/pins:torch)")
    rctx.file("pins.txt", rctx.read(requirements, watch = "no"))
    rctx.file("BUILD.bazel", "exports_files([\"pins.txt\"])\n")

shared_runtime_repo = repository_rule(
    implementation = _shared_repo_impl,
    doc = "The packages that are the same for every CPython.",
    attrs = {
        "cpu": _CPU,
        "requirements": attr.label(
            doc = "Requirement file, pinned by hash.",
            mandatory = True,
        ),
    },
)

def _python_repo_impl(rctx):
    shared = rctx.path(rctx.attr.shared).dirname
    requirements = torch_pins(rctx, rctx.attr.requirements, "compiled", rctx.attr.python, rctx.attr.cpu)
    pip_fetch(rctx, requirements, "site", python = rctx.attr.python, cpu = rctx.attr.cpu, exclude = _EXCLUDE)
    mine = {entry.basename: True for entry in rctx.path("site").readdir(watch = "no")}
    for entry in shared.get_child("site").readdir(watch = "no"):
        if entry.basename in mine:
            # Both have scripts, which no import needs.
            if entry.basename == "bin":
                continue
            fail("{} and {} both have {}; expected each package in one of them. Remove it from one".format(
                rctx.attr.requirements,
                rctx.attr.shared,
                entry.basename,
            ))
        rctx.symlink(entry, "site/" + entry.basename)
    rctx.file("pins.txt", rctx.read(rctx.attr.shared) + rctx.read(requirements, watch = "no"))
    rctx.template("BUILD.bazel", Label(":torch_runtime.BUILD.bazel"), executable = False, substitutions = {
        "{TAG}": rctx.attr.tag,
    })

python_runtime_repo = repository_rule(
    implementation = _python_repo_impl,
    doc = "The packages of one CPython, with links to the shared ones: `:runtime`.",
    attrs = {
        "cpu": _CPU,
        "python": attr.string(
            doc = "The CPython, such as `3.12`.",
            mandatory = True,
        ),
        "requirements": attr.label(
            doc = "Requirement file of the compiled packages, pinned by hash.",
            mandatory = True,
        ),
        "shared": attr.label(
            doc = "`pins.txt` of the repository of shared packages.",
            mandatory = True,
        ),
        "tag": attr.string(
            doc = "The CPython's tag, such as `cp312`.",
            mandatory = True,
        ),
    },
)
