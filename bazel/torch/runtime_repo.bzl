"""Repository rules: the packages that importing an extension on torch needs, laid out as a site-packages directory.

The wheels that serve every CPython, NVIDIA's libraries above all, lie in one repository; that of each CPython adds its
own torch and links to the others, so that the search paths in torch's libraries (`$ORIGIN/../../nvidia/…`) hold.
"""

load("//bazel/fetch:pip.bzl", "pip_fetch")

# Nothing of this is read by an import: headers, tools, static libraries, the compilers that triton brings along.
_EXCLUDE = [
    "*.a",
    "nvidia/*/include/*",
    "nvidia/*/bin/*",
    "torch/include/*",
    "torch/test/*",
    "triton/backends/*/bin/*",
    "triton/backends/*/lib/*.a",
]

_SHARED_BUILD = """\
exports_files(["pins.txt"])
"""

_BUILD = """\
load("{bzl}", "torch_runtime")

torch_runtime(
    name = "runtime",
    anchor = "pins.txt",
    tag = "{tag}",
    visibility = ["//visibility:public"],
)
"""

def _site(path):
    return [entry for entry in path.get_child("site").readdir(watch = "no")]

def _shared_repo_impl(rctx):
    pip_fetch(rctx, rctx.attr.requirements, "site", python = rctx.attr.python, exclude = _EXCLUDE)
    for entry in _site(rctx.path(".")):
        wheel = entry.get_child("WHEEL")
        if not entry.basename.endswith(".dist-info") or not wheel.exists:
            continue
        for line in rctx.read(wheel).splitlines():
            if line.startswith("Tag: ") and not line.startswith("Tag: py"):
                fail("{} has {}, which is for one CPython alone ({}); ".format(
                    rctx.attr.requirements,
                    entry.basename.removesuffix(".dist-info"),
                    line,
                ) + "expected it in the file of compiled packages. Move it there (tools/pins/torch_runtime.py)")
    rctx.file("pins.txt", rctx.read(rctx.attr.requirements))
    rctx.file("BUILD.bazel", _SHARED_BUILD)

shared_runtime_repo = repository_rule(
    implementation = _shared_repo_impl,
    doc = "The packages that are the same for every CPython.",
    attrs = {
        "python": attr.string(
            doc = "The oldest CPython of the matrix, for which each package must be made.",
            mandatory = True,
        ),
        "requirements": attr.label(
            doc = "Requirement file, pinned by hash.",
            mandatory = True,
        ),
    },
)

def _python_repo_impl(rctx):
    shared = rctx.path(rctx.attr.shared).dirname
    pip_fetch(rctx, rctx.attr.requirements, "site", python = rctx.attr.python, exclude = _EXCLUDE)
    mine = {entry.basename: True for entry in _site(rctx.path("."))}
    for entry in _site(shared):
        if entry.basename in mine:
            # Scripts, of both: no import needs them.
            if entry.basename == "bin":
                continue
            fail("{} and {} both hold {}".format(rctx.attr.requirements, rctx.attr.shared, entry.basename))
        rctx.symlink(entry, "site/" + entry.basename)
    rctx.file("pins.txt", rctx.read(rctx.attr.shared) + rctx.read(rctx.attr.requirements))
    rctx.file("BUILD.bazel", _BUILD.format(bzl = Label(":torch_runtime.bzl"), tag = rctx.attr.tag))

python_runtime_repo = repository_rule(
    implementation = _python_repo_impl,
    doc = "The packages of one CPython, with links to the shared ones: `:runtime`.",
    attrs = {
        "python": attr.string(
            doc = "The CPython, as `3.12`.",
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
            doc = "The CPython's tag, as `cp312`.",
            mandatory = True,
        ),
    },
)

def _hub_repo_impl(rctx):
    rctx.file("BUILD.bazel", "".join([
        """\
alias(
    name = "{tag}",
    actual = "@{repo}//:runtime",
    visibility = ["//visibility:public"],
)

""".format(repo = repo, tag = tag)
        for tag, repo in rctx.attr.pythons.items()
    ]))

runtime_hub_repo = repository_rule(
    implementation = _hub_repo_impl,
    doc = "`:cp312` and so on: the packages of each CPython.",
    attrs = {
        "pythons": attr.string_dict(
            doc = "From a CPython's tag to the repository of its packages.",
            mandatory = True,
        ),
    },
)
