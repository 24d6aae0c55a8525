"""The rule python_abi: one CPython that extensions are compiled for."""

load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load("@rules_python//python:py_runtime_info.bzl", "PyRuntimeInfo")
load("//bazel/platforms:cpus.bzl", "CPU_ATTRS", "target_cpu")
load(":naming.bzl", "minor_version", "python_soabi", "python_tag")
load(":providers.bzl", "PythonAbiInfo")

# Public by necessity: the repository of each CPython loads it. Users load it from //bazel/rules:defs.bzl.
visibility("public")

_DOC = """One CPython that extensions are compiled for: headers, SOABI and, where there is one, an interpreter.

The `pythons` module extension makes one for every CPython of the matrix. To compile against it, depend on it as on a
`cc_library` of headers; the output group `headers` has these as files.

```starlark
python_abi(
    name = "cp312",
    python_version = "3.12",
    headers = "@python_3_12//:python_headers",      # of rules_python
    interpreter = "@python_3_12//:py3_runtime",
)
```
"""

def _interpreter(ctx):
    """The executable File, and the depset of File that it needs; None and an empty depset without an interpreter."""
    target = ctx.attr.interpreter
    if not target:
        return None, depset()
    if PyRuntimeInfo in target:
        runtime = target[PyRuntimeInfo]
        if runtime.interpreter:
            return runtime.interpreter, depset([runtime.interpreter], transitive = [runtime.files])

        # An interpreter of the machine finds its own files. Only tests run this script, so no product depends on the path.
        script = ctx.actions.declare_file(ctx.label.name + ".python3")
        ctx.actions.write(script, "#!/bin/sh\nexec '{}' \"$@\"\n".format(runtime.interpreter_path), is_executable = True)
        return script, depset([script])
    executable = target[DefaultInfo].files_to_run.executable
    files = target[DefaultInfo].files.to_list()
    if not executable and len(files) != 1:
        fail("interpreter: {} has {} files; expected one executable, or a py_runtime".format(target.label, len(files)))
    executable = executable or files[0]
    return executable, depset([executable], transitive = [target[DefaultInfo].default_runfiles.files])

def _python_abi_impl(ctx):
    version = minor_version(ctx.attr.python_version, "python_version")
    interpreter, files = _interpreter(ctx)
    if interpreter:
        files = depset(ctx.files.interpreter_files, transitive = [files])
    info = PythonAbiInfo(
        files = files,
        interpreter = interpreter,
        soabi = python_soabi(version, target_cpu(ctx)),
        tag = python_tag(version),
        version = version,
    )
    cc_info = ctx.attr.headers[CcInfo]
    if not [file for file in cc_info.compilation_context.headers.to_list() if file.basename == "Python.h" or file.is_directory]:
        fail("{}: headers: {} has no Python.h for CPython {}; expected a target with that Python's headers, such as ".format(
            ctx.label,
            ctx.attr.headers.label,
            version,
        ) + "rules_python's :python_headers. On Debian they are in libpython{}-dev.".format(version))
    return [
        DefaultInfo(files = depset([interpreter] if interpreter else []), runfiles = ctx.runfiles(transitive_files = files)),
        cc_info,
        info,
        OutputGroupInfo(headers = cc_info.compilation_context.headers),
    ]

python_abi = rule(
    implementation = _python_abi_impl,
    doc = _DOC,
    attrs = CPU_ATTRS | {
        "headers": attr.label(
            doc = "The headers: a target with CcInfo whose include directories hold `Python.h`, as rules_python's " +
                  "`:python_headers`. Not libpython: an extension must not link it.",
            mandatory = True,
            providers = [CcInfo],
        ),
        "interpreter": attr.label(
            doc = "The interpreter for tests: an executable, or a `py_runtime`. Default: none; compiling needs none.",
            allow_files = True,
        ),
        "interpreter_files": attr.label_list(
            doc = "Further files that the interpreter needs to run. Default: those of its own target.",
            allow_files = True,
        ),
        "python_version": attr.string(
            doc = "The version, such as `3.12`; a patch level is ignored. Tag and SOABI follow from it. Anything but a " +
                  "CPython 3 version is an analysis error.",
            mandatory = True,
        ),
    },
    provides = [CcInfo, PythonAbiInfo],
)
