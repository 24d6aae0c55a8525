"""The repository of one CPython: headers that are copies, and an interpreter to test with."""

load("//bazel/fetch:host_python.bzl", "run_module")
load(":naming.bzl", "DEBIAN_LOCKS")

_DATA = [
    Label(":probe.py"),
    Label(":python3.sh"),
]

# Not the PATH, though it is searched: it differs from shell to shell, and a fetch for each would cost more than it
# brings. `bazel fetch --force --repo=…` looks again.
_ENVIRONMENT = [
    "PYENV_ROOT",
    "RULES_DEEPGEMM_DEBIAN_MIRROR",
    "RULES_DEEPGEMM_DEBIAN_STRICT",
    "UV_PYTHON_INSTALL_DIR",
]

def fill_python_repo(rctx, version, named = None, sources = ["machine", "debian"]):
    """Puts headers and an interpreter of a CPython into the repository, or fails with what was looked at.

    Args:
        rctx: the repository context.
        version: string such as "3.12".
        named: the interpreter to take (string or path), or None to look for one.
        sources: where to look, in this order: "machine", "debian".

    Returns:
        What was taken: the dict of python.json, fields as in probe.py.
    """
    for variable in _ENVIRONMENT:
        rctx.getenv(variable)
    arguments = ["--minor", version, "--out", rctx.path(".")]
    if named:
        arguments += ["--named", named]
    arguments += ["--sources", ",".join(sources)]
    lock = DEBIAN_LOCKS.get(version)
    if lock and "debian" in sources:
        rctx.watch(lock)
        arguments += ["--lock", rctx.path(lock)]
    run_module(rctx, "bazel.pythons.python_repo", arguments, data = _DATA)
    return json.decode(rctx.read("python.json", watch = "no"))

def _python_repo_impl(rctx):
    version = rctx.attr.python_version
    named = rctx.attr.interpreter_path
    if rctx.attr.interpreter:
        named = rctx.path(rctx.attr.interpreter)
    taken = fill_python_repo(rctx, version, named, rctx.attr.sources)
    is_own = str(taken["executable"]).startswith(str(rctx.path(".")))
    if not is_own:
        # Another patch level in its place, or none any more, must be noticed.
        rctx.watch(taken["executable"])
        rctx.watch(taken["include"] + "/patchlevel.h")
    rctx.template(
        "BUILD.bazel",
        rctx.attr._template,
        executable = False,
        substitutions = {
            "{ORIGIN}": "release {}, {}".format(
                taken["version"],
                "of Debian's packages" if is_own else "of this machine",
            ),
            "{PYTHON_ABI_BZL}": str(rctx.attr._python_abi_bzl),
            "{VERSION}": version,
        },
    )

python_repo = repository_rule(
    implementation = _python_repo_impl,
    doc = "A CPython of this machine or of Debian's packages: `:headers`, and `:python`, a `python_abi`.",
    attrs = {
        "interpreter": attr.label(
            doc = "An interpreter in another repository, a source file there. Default: one is looked for.",
            allow_single_file = True,
        ),
        "interpreter_path": attr.string(doc = "The absolute path of an interpreter. Default: one is looked for."),
        "python_version": attr.string(doc = "Major and minor version, such as `3.12`.", mandatory = True),
        "sources": attr.string_list(
            doc = "Where to look for one: `machine` (PATH, pyenv, uv), `debian` (packages), in this order.",
            default = ["machine", "debian"],
        ),
        "_python_abi_bzl": attr.label(default = ":python_abi.bzl"),
        "_template": attr.label(default = ":python.BUILD.tpl"),
    },
)
