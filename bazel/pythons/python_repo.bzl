"""The repository of one CPython: headers that are copies, and an interpreter to test with."""

load("//bazel/fetch:debian.bzl", "try_debian_packages")
load("//bazel/fetch:host_python.bzl", "run_module")
load("//bazel/platforms:cpus.bzl", "CPUS")
load(":naming.bzl", "DEBIAN_LOCKS")

visibility(["//bazel/...", "//tests/..."])

_DATA = [
    Label(":probe.py"),
    Label(":python3.sh"),
]

# Where discover.py looks. PATH is deliberately not tracked: it differs per shell and would refetch each time. To look
# again, run `bazel fetch --force --repo=…`.
_ENVIRONMENT = [
    "HOME",
    "PYENV_ROOT",
    "UV_PYTHON_INSTALL_DIR",
    "XDG_DATA_HOME",
]

def _run(rctx, arguments):
    run_module(rctx, "bazel.pythons.python_repo", arguments, data = _DATA)
    return json.decode(rctx.read("python.json", watch = "no"))

def fill_python_repo(rctx, version, cpu, named = None, sources = ["machine", "debian"]):
    """Puts headers and an interpreter of a CPython into the repository, or fails with what was looked at.

    Args:
        rctx: the repository context.
        version: string such as "3.12".
        cpu: string, the CPU that it runs on: a key of CPUS.
        named: the interpreter to take (string or path), or None to look for one.
        sources: where to look, in this order: "machine", "debian".

    Returns:
        What was taken: the dict of python.json, fields as in probe.py.
    """
    arguments = ["--minor", version, "--cpu", cpu, "--out", rctx.path(".")]
    if named:
        return _run(rctx, arguments + ["--named", named])
    debian = "debian" in sources
    if "machine" in sources:
        for variable in _ENVIRONMENT:
            rctx.getenv(variable)
        taken = _run(rctx, arguments + ["--machine"] + (["--more"] if debian else []))
        if "executable" in taken:
            return taken
    lock = DEBIAN_LOCKS[cpu].get(version)
    if lock:
        error = try_debian_packages(rctx, lock, ".debian")
    else:
        error = "no suite that is known here has a package of CPython " + version
    if error:
        return _run(rctx, arguments + ["--no-packages", error])
    taken = _run(rctx, arguments + ["--packages", rctx.path(".debian")])
    rctx.delete(".debian")
    return taken

def _python_repo_impl(rctx):
    version = rctx.attr.python_version
    named = rctx.attr.interpreter_path
    if rctx.attr.interpreter:
        named = rctx.path(rctx.attr.interpreter)
    taken = fill_python_repo(rctx, version, rctx.attr.cpu, named, rctx.attr.sources)
    is_own = str(taken["executable"]).startswith(str(rctx.path(".")))
    if not is_own:
        # Fetch again when another patch level takes its place, or when it is removed.
        rctx.watch(taken["executable"])
        rctx.watch(taken["include"] + "/patchlevel.h")
    rctx.template(
        "BUILD.bazel",
        Label(":python.BUILD.bazel"),
        executable = False,
        substitutions = {
            "{ORIGIN}": "release {}, {}".format(
                taken["version"],
                "of Debian's packages" if is_own else "of this machine",
            ),
            "{VERSION}": version,
        },
    )

python_repo = repository_rule(
    implementation = _python_repo_impl,
    doc = "A CPython of this machine or of Debian's packages: `:headers`, and `:python`, a `python_abi`.",
    attrs = {
        "cpu": attr.string(doc = "The CPU that it runs on.", mandatory = True, values = CPUS.keys()),
        "interpreter": attr.label(
            doc = "An interpreter in another repository, a source file there. Default: the rule looks for one.",
            allow_single_file = True,
        ),
        "interpreter_path": attr.string(doc = "The absolute path of an interpreter. Default: the rule looks for one."),
        "python_version": attr.string(doc = "Major and minor version, such as `3.12`.", mandatory = True),
        "sources": attr.string_list(
            doc = "Where to look for one: `machine` (PATH, pyenv, uv), `debian` (packages), in this order.",
            default = ["machine", "debian"],
        ),
    },
)
