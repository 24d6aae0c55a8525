"""Runs this module's Python programs in repository rules, with the Python of the machine.

The programs use the standard library alone, so any CPython of a supported version serves. What Bazel builds never
depends on which one ran them.
"""

_OLDEST = (3, 9)
_VARIABLE = "RULES_DEEPGEMM_PYTHON"

def host_python(ctx):
    """Finds a Python that can run this module's programs, or fails with what to install.

    Args:
        ctx: the context of a repository rule or of a module extension.

    Returns:
        The path of `$RULES_DEEPGEMM_PYTHON`, or of `python3` on the PATH.
    """
    named = ctx.getenv(_VARIABLE)
    python = ctx.which(named) if named and "/" not in named else named or ctx.which("python3")
    oldest = "{}.{}".format(*_OLDEST)
    remedy = "install Python {} or newer as python3 (Debian: apt-get install python3), or name one with {}".format(
        oldest,
        _VARIABLE,
    )
    if not python:
        fail("no {} on the PATH: {}".format(named or "python3", remedy))
    result = ctx.execute([python, "-c", "import sys; print(*sys.version_info[:2])"])
    if result.return_code != 0:
        fail("{} does not run as a Python (exit code {}): {}".format(python, result.return_code, remedy))
    found = tuple([int(part) for part in result.stdout.strip().split(" ")])
    if found < _OLDEST:
        fail("{} is Python {}.{}; expected {} or newer: {}".format(python, found[0], found[1], oldest, remedy))
    return python

def apparent_name(rctx):
    """The name by which a module knows this repository, for errors: `vllm` for `_main~wheels~vllm` or `+wheels+vllm`.

    Args:
        rctx: the repository context.

    Returns:
        string.
    """
    return rctx.name.replace("+", "~").split("~")[-1]

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

def run_module(rctx, module, arguments, data = [], what = None, timeout = 7200):
    """Runs a Python module of this repository and shows its output as it comes.

    The module parses `--error-file` (bazel/fetch/command.py) and writes its error there: one line, which becomes the
    error of the repository rule. An edit of the module, or of one that it imports, fetches the repository again.

    Args:
        rctx: the repository context.
        module: string, the module's name from the root of this repository, such as `bazel.cc.gcc_tree`.
        arguments: list of its arguments (strings, paths).
        data: Labels of further files that it reads; an edit of one fetches again. Default: none.
        what: string, what is being done, as the error names it. Default: nothing; the repository's name stands alone.
        timeout: int, seconds after which the program is stopped.
    """
    root = rctx.path(Label("//:MODULE.bazel")).dirname
    _watch(rctx, root, module.replace(".", "/") + ".py")
    for label in data:
        rctx.watch(label)
    report = rctx.path(".error")
    result = rctx.execute(
        # -S: the standard library alone, whatever is installed.
        [host_python(rctx), "-B", "-S", "-m", module, "--error-file", report] + arguments,
        environment = {"PYTHONPATH": str(root), "PYTHONSAFEPATH": "1"},
        quiet = False,
        timeout = timeout,
    )
    if result.return_code == 0:
        return
    if report.exists:
        error = rctx.read(report, watch = "no")
    else:
        error = "{} ended with exit code {}".format(module, result.return_code)
    fail("@{}: {}{}".format(apparent_name(rctx), what + ": " if what else "", error))
