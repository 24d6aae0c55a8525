"""The host's Python, for scripts that repository rules run before anything is built.

Such scripts use the standard library alone, so that any CPython of a supported version will do. What is built with
Bazel never depends on which one it was.
"""

_OLDEST = (3, 9)
_VARIABLE = "RULES_DEEPGEMM_PYTHON"

def host_python(rctx):
    """Finds a Python that can run this project's repository scripts, or fails with what to install.

    Args:
        rctx: the repository context, or a module extension's.

    Returns:
        The path of `$RULES_DEEPGEMM_PYTHON`, or of `python3` on the PATH.
    """
    named = rctx.getenv(_VARIABLE)
    python = rctx.which(named) if named and "/" not in named else named or rctx.which("python3")
    oldest = "{}.{}".format(*_OLDEST)
    mend = "install Python {} or newer as python3 (Debian: apt-get install python3), or name one with {}".format(
        oldest,
        _VARIABLE,
    )
    if not python:
        fail("no {} on the PATH: {}".format(named or "python3", mend))
    result = rctx.execute([python, "-c", "import sys; print(*sys.version_info[:2])"])
    if result.return_code != 0:
        fail("{} does not run as a Python (exit code {}): {}".format(python, result.return_code, mend))
    found = tuple([int(part) for part in result.stdout.strip().split(" ")])
    if found < _OLDEST:
        fail("{} is Python {}.{}, {} or newer is needed: {}".format(python, found[0], found[1], oldest, mend))
    return python

def run_python(rctx, script, arguments, imports = [], what = None, error_file = True, timeout = 7200):
    """Runs a script of this project with the host's Python; its output is shown as it comes.

    A script reports a failure in one line, which becomes the error.

    Args:
        rctx: the repository context.
        script: Label of the script; an edit of it fetches the repository again.
        arguments: list of its arguments (strings, paths).
        imports: Labels of the modules that it imports, beside it or in another package; an edit of one fetches again.
        what: what is being done, as it stands in the error; the repository's name is put before it.
        error_file: whether the script has an option `--error-file` for that line; else it is the last one on stderr,
            where it is seen twice.
        timeout: seconds after which it is stopped.
    """
    for label in [script] + imports:
        rctx.watch(label)
    elsewhere = {
        str(rctx.path(label).dirname): None
        for label in imports
        if label.package != script.package
    }
    report = rctx.path(".error")
    result = rctx.execute(
        [host_python(rctx), "-B", rctx.path(script)] + arguments + (["--error-file", report] if error_file else []),
        # PYTHONSAFEPATH would hide the modules beside the script.
        environment = {"PYTHONNOUSERSITE": "1", "PYTHONPATH": ":".join(elsewhere.keys()), "PYTHONSAFEPATH": ""},
        quiet = False,
        timeout = timeout,
    )
    if result.return_code == 0:
        return
    if report.exists:
        error = rctx.read(report, watch = "no")
    else:
        last = result.stderr.strip().split("\n")[-1].removeprefix("error: ")
        error = last or "{} ended with exit code {}".format(script.name, result.return_code)
    fail("@{}: {}{}".format(rctx.name.split("~")[-1], what + ": " if what else "", error))
