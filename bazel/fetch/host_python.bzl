"""Runs this module's Python programs in repository rules, with the Python of the machine.

The programs use only the standard library, so any CPython of a supported version can run them. What Bazel builds never
depends on which CPython ran them.
"""

visibility(["//bazel/...", "//tests/..."])

_OLDEST = 9
_NEWEST = 15
_VARIABLE = "RULES_DEEPGEMM_PYTHON"
_REMEDY = ("install Python 3.{oldest} or newer (Debian, Ubuntu: apt-get install python3; RHEL, AlmaLinux 8: " +
           "dnf install python3.11), or name one: {variable}=/path/to/python3").format(
    oldest = _OLDEST,
    variable = _VARIABLE,
)

def _minor_version(ctx, python):
    """The X of the Python 3.X at the path `python`; None if it does not run as a Python."""
    result = ctx.execute([python, "-c", "import sys; print(*sys.version_info[:2])"])
    if result.return_code != 0:
        return None
    major, minor = result.stdout.strip().split(" ")
    return int(minor) if major == "3" else 0

def host_python(ctx):
    """Finds a Python that can run this module's programs, or fails with what to install.

    Args:
        ctx: the context of a repository rule or of a module extension.

    Returns:
        The path of `$RULES_DEEPGEMM_PYTHON`; without it, of `python3` on the PATH, or, where that one is too old, of
        the newest `python3.X` there.
    """
    named = ctx.getenv(_VARIABLE)
    if named:
        python = named if "/" in named else ctx.which(named)
        if not python:
            fail("{} is {}, which is not on the PATH: {}".format(_VARIABLE, named, _REMEDY))
        candidates = [python]
    else:
        # On RHEL 8 and its kin `python3` is 3.6 for ever; newer ones have their version in the name.
        names = ["python3"] + ["python3.{}".format(minor) for minor in range(_NEWEST, _OLDEST - 1, -1)]
        candidates = [python for python in [ctx.which(name) for name in names] if python]
    looked = []
    for python in candidates:
        minor = _minor_version(ctx, python)
        if minor == None:
            looked.append("{} does not run as a Python".format(python))
        elif minor < _OLDEST:
            looked.append("{} is older than Python 3.{}".format(python, _OLDEST))
        else:
            return python
    fail("{}: {}".format("; ".join(looked) or "no python3 on the PATH", _REMEDY))

def apparent_name(rctx):
    """Returns the name that modules use for this repository, for errors: `vllm` for `_main~wheels~vllm` or `+wheels+vllm`.

    Args:
        rctx: the repository context.

    Returns:
        string.
    """
    return rctx.name.replace("+", "~").split("~")[-1]

def fail_fetch(rctx, message, what = None):
    """Fails with one error that names the repository. Bazel deletes what a failed repository rule has made.

    Args:
        rctx: the repository context.
        message: string, what was found, what was expected and what to do.
        what: string, what was being done, as the error names it. Default: None, an error with only the repository's name.
    """
    fail("@{}: {}{}".format(apparent_name(rctx), what + ": " if what else "", message))

def _imported(text):
    """The files, below the root, that the `from bazel.… import …` lines of a program may name."""
    files = []
    for line in text.splitlines():
        words = [word for word in line.replace(",", " ").split(" ") if word]
        if len(words) > 3 and words[0] == "from" and words[1].split(".")[0] in ["bazel", "tests"]:
            if words[3] == "(":
                fail("'{}' goes on in the next line; write one import a line".format(line))
            folder = words[1].replace(".", "/")
            files += [folder + ".py"] + ["{}/{}.py".format(folder, name) for name in words[3:]]
    return files

def _watch(rctx, root, file):
    """Watches a program and everything that it imports, so that an edit of either fetches the repository again."""
    waiting, seen = [file], {}

    # Starlark has no `while`. A program has fewer files than this.
    for _ in range(100):
        if not waiting:
            return
        path = root.get_child(waiting.pop())
        if path.exists and str(path) not in seen:
            seen[str(path)] = None
            waiting += _imported(rctx.read(path))
    fail("{} imports too many files".format(file))

def try_module(rctx, module, arguments, data = [], libraries = [], timeout = 7200):
    """Runs a Python module of this repository and shows its output as it comes.

    The module parses `--error-file` (bazel/fetch/command.py) and writes its error there as one line. An edit of the
    module, or of one that it imports, fetches the repository again.

    Args:
        rctx: the repository context.
        module: string, the module's name from the root of this repository, such as `bazel.cc.gcc_tree`.
        arguments: list of its arguments (strings, paths).
        data: Labels of further files that it reads; an edit of one fetches again. Default: none.
        libraries: paths of site-packages directories that it imports from. Default: none.
        timeout: int, seconds after which the program is stopped.

    Returns:
        The error as a string; None if the module succeeded.
    """

    # Bazel watches a file whose label it resolves. An edit of this one is rare.
    root = rctx.path(Label("//bazel/fetch:command.py")).dirname.dirname.dirname
    _watch(rctx, root, module.replace(".", "/") + ".py")
    for label in data:
        rctx.watch(label)
    report = rctx.path(".error")
    result = rctx.execute(
        # -S: no installed packages.
        [host_python(rctx), "-B", "-S", "-m", module, "--error-file", report] + arguments,
        environment = {"PYTHONPATH": ":".join([str(path) for path in [root] + libraries]), "PYTHONSAFEPATH": "1"},
        quiet = False,
        timeout = timeout,
    )
    if result.return_code == 0:
        return None
    if report.exists:
        return rctx.read(report, watch = "no")
    return "{} ended with exit code {}".format(module, result.return_code)

def run_module(rctx, module, arguments, data = [], libraries = [], what = None, timeout = 7200):
    """Runs a Python module as `try_module` does; its error becomes the error of the repository rule.

    Args:
        rctx: the repository context.
        module: string, the module's name from the root of this repository, such as `bazel.cc.gcc_tree`.
        arguments: list of its arguments (strings, paths).
        data: Labels of further files that it reads; an edit of one fetches again. Default: none.
        libraries: paths of site-packages directories that it imports from. Default: none.
        what: string, what is being done, as the error names it. Default: None, an error with only the repository's name.
        timeout: int, seconds after which the program is stopped.
    """
    error = try_module(rctx, module, arguments, data, libraries, timeout)
    if error:
        fail_fetch(rctx, error, what)
