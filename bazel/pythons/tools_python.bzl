"""The Python that runs this ruleset's own tools and tests, the same bytes on every machine.

What a tool writes can depend on its Python: another zlib compresses to other bytes. Modules that depend on this one keep
the Python toolchain that they have registered.
"""

load("//bazel/platforms:cpus.bzl", "machine_cpu")
load(":python_repo.bzl", "fill_python_repo")

visibility(["//bazel/...", "//tests/..."])

# The Python of Debian's newest stable suite, whose versions change least.
_VERSION = "3.13"

def _bootstrap_template(rctx):
    """The label of our start script; "" where rules_python has its own that needs no python3 on the machine."""
    rules_python = rctx.path(rctx.attr._rules_python).dirname
    if rules_python.get_child("private").get_child("stage1_bootstrap_template.sh").exists:
        return ""
    return str(rctx.attr._bootstrap_template)

def _tools_python_repo_impl(rctx):
    cpu = machine_cpu(rctx)
    fill_python_repo(rctx, _VERSION, cpu, sources = ["debian"])
    rctx.template(
        "BUILD.bazel",
        Label(":tools_python.BUILD.bazel"),
        executable = False,
        substitutions = {
            "{BOOTSTRAP_TEMPLATE}": _bootstrap_template(rctx),
            "{CPU}": cpu,
            "{VERSION}": _VERSION,
        },
    )

tools_python_repo = repository_rule(
    implementation = _tools_python_repo_impl,
    doc = "CPython {} out of Debian's packages: `:toolchain` for py_binary and py_test.".format(_VERSION),
    attrs = {
        "_bootstrap_template": attr.label(default = ":py_bootstrap.sh.tpl"),
        "_rules_python": attr.label(default = "@rules_python//python:BUILD.bazel"),
    },
)

def _tools_python_impl(mctx):
    tools_python_repo(name = "deepgemm_tools_python")
    return mctx.extension_metadata(reproducible = True)

tools_python = module_extension(
    implementation = _tools_python_impl,
    doc = "Makes the repository `deepgemm_tools_python`; for this module's own builds.",
)
