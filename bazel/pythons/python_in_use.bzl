"""Finds the CPython that a py_test or py_binary runs on, that of the Python toolchain, and makes the PyInfo for it."""

load("@rules_python//python:py_info.bzl", "PyInfo")

visibility(["//bazel/..."])

_TYPE = "@bazel_tools//tools/python:toolchain_type"

# For the `toolchains` of a rule that calls python_in_use.
PYTHON_IN_USE = [config_common.toolchain_type(_TYPE, mandatory = False)]

def _from_standard_library(runtime):
    """The tag, from the path of the runtime's `os.py`; None where the runtime is an interpreter of the machine."""
    for file in runtime.files.to_list() if runtime.files else []:
        folder = file.dirname.split("/")[-1]
        if file.basename == "os.py" and folder.startswith("python3."):
            return "cp" + folder.removeprefix("python").replace(".", "")
    return None

def python_in_use(ctx):
    """The tag of the CPython in use.

    Args:
        ctx: The context of a rule with `toolchains = PYTHON_IN_USE`.

    Returns:
        A string such as `cp312`, or `cp313t` for a free-threaded build; None where the toolchain does not show its version, as
        Bazel's own `autodetecting_toolchain` does not.
    """
    toolchain = ctx.toolchains[_TYPE]
    runtime = getattr(toolchain, "py3_runtime", None) if toolchain else None

    # rules_python 1.0 and newer give the `python3` of the PATH a version that nothing compared with it: the flag's.
    interpreter = getattr(runtime, "interpreter", None)
    if not runtime or (interpreter and interpreter.basename == "runtime_env_toolchain_interpreter.sh"):
        return None

    # py_runtime states the version since rules_python 1.0 and Bazel 8.
    version = getattr(runtime, "interpreter_version_info", None)
    if not version:
        return _from_standard_library(runtime)
    flags = getattr(runtime, "abi_flags", None) or ""
    return "cp{}{}{}".format(version.major, version.minor, flags if flags.isalpha() else "")

def py_providers(ctx, import_root, root_symlinks = {}, files = []):
    """The providers of a target that py_library, py_test and py_binary take as a dependency.

    Args:
        ctx: The rule's context.
        import_root: string, the directory that `import` searches, as a path in the runfiles.
        root_symlinks: dict from a path in the runfiles to a File. Default: none.
        files: list of File that lie in the runfiles at their own paths. Default: none.

    Returns:
        struct of `info`, a PyInfo, and `runfiles`.
    """
    return struct(
        info = PyInfo(imports = depset([import_root]), transitive_sources = depset(), uses_shared_libraries = True),
        runfiles = ctx.runfiles(files = files, root_symlinks = root_symlinks),
    )

def refusal(ctx, message):
    """A file whose action fails. In runfiles, it fails the build of a py_test or py_binary, and of nothing else.

    Args:
        ctx: The rule's context.
        message: string, the error.

    Returns:
        The File.
    """
    out = ctx.actions.declare_file(ctx.label.name + ".python-in-use")
    ctx.actions.run_shell(
        arguments = ["error: {}: {}".format(str(ctx.label).removeprefix("@@").removeprefix("@"), message)],
        command = "echo \"$1\" >&2; exit 1",
        mnemonic = "PythonInUse",
        outputs = [out],
        progress_message = "Choosing the Python of %{label}",
        # The shell comes from no toolchain (--incompatible_auto_exec_groups).
        toolchain = None,
    )
    return out
