"""The macro torch_extension: a C++ extension on torch, once for each CPython of the matrix."""

load("@deepgemm_pythons//:versions.bzl", "PYTHONS")
load("@rules_cc//cc:defs.bzl", "cc_binary")
load(":extension_module.bzl", "extension_module")

visibility(["//bazel/...", "//tests/..."])

_TORCH = Label("//bazel/torch:torch")
_OPT = Label("//bazel/rules:opt")

# What torch.utils.cpp_extension passes, and hidden visibility: PyInit_* is all that a module has to export, and two
# modules' copies of one template must not meet in the dynamic linker.
_COPTS = [
    "-std=c++20",
    "-fvisibility=hidden",
]

# The header declares what of a whole program stays visible; it is found from the root of this repository.
_MODULE_INIT = Label("//bazel/rules/private:module_init")
_WHOLE_PROGRAM = ["-fwhole-program", "-include", "bazel/rules/private/module_init.h"]

def _hub(tag):
    return Label("@deepgemm_pythons//:" + tag)

def _version(text):
    """The (major, minor) of a version such as '3.11'; fails with one line on anything else."""
    parts = text.split(".")
    if len(parts) != 2 or not parts[0].isdigit() or not parts[1].isdigit():
        fail("'{}' is not a CPython version; expected major.minor, such as '3.11'".format(text))
    return (int(parts[0]), int(parts[1]))

def _hexversion(version):
    """The value of Py_LIMITED_API for `version` (https://docs.python.org/3/c-api/stable.html)."""
    major, minor = _version(version)
    return "0x%x" % (major << 24 | minor << 16)

def torch_extension(
        name,
        srcs,
        module_name = "_C",
        hdrs = [],
        deps = [],
        copts = [],
        defines = [],
        linkopts = [],
        py_limited_api = None,
        whole_program = False,
        features = [],
        visibility = None,
        tags = [],
        testonly = None,
        **kwargs):
    """A Python extension module on torch, compiled for every CPython of the matrix.

    Makes `:<name>.cp311`, `:<name>.cp312`, …: a `cc_binary` for each CPython that the `pythons` module extension found
    for Requires-Python, which depends on that Python's headers, on torch and on torch's CUDA libraries; and `:<name>`,
    which gathers their shared libraries (provider `ExtensionInfo`) for `extension_wheel`. Building `:<name>.cp312`
    builds nothing of the other Pythons. In `-c opt` the libraries are stripped.

    pybind11's headers come with torch. `TORCH_EXTENSION_NAME` is defined as `module_name`, as
    `torch.utils.cpp_extension` does, so that sources may say `PYBIND11_MODULE(TORCH_EXTENSION_NAME, m)`.

    It is an analysis error where `module_name` is not an identifier, or no Python of the matrix is as new as
    `py_limited_api`. A build of `:<name>`, or of anything that is made of it, also fails where the sources define a
    module of another name, and where a library exports no `PyInit_<module_name>`, needs a CUDA runtime of another
    major version than torch's, or wants a symbol of torch that this torch does not have.

    Example:
    ```starlark
    torch_extension(
        name = "my_ops",
        srcs = ["my_ops.cc"],
        module_name = "_C",
    )
    ```

    Args:
        name: The name of the target that gathers the libraries.
        srcs: C++ sources, and headers that only they use; as for `cc_binary`.
        module_name: The module's last name, as in `PyInit_<module_name>`. A Python identifier. Default: `_C`.
        hdrs: Headers of this extension. Every header that the compiler reads must be here or come from `deps`.
        deps: Further C++ dependencies, such as `cc_library` or rules_cuda's `cuda_library`.
        copts: Compiler options, after this macro's own (`-std=c++20 -fvisibility=hidden`), so that they win.
        defines: Preprocessor definitions of these sources alone.
        linkopts: Linker options.
        py_limited_api: The oldest CPython of a stable-ABI module (PEP 384), such as `3.11`: makes one library,
            `:<name>.abi3`, in place of one per Python. The sources may then use the limited API alone (pybind11 does
            not; register operators with TORCH_LIBRARY). Default: none.
        whole_program: Whether the one source is the whole module (GCC's `-fwhole-program`): nothing but
            `PyInit_<module_name>` is visible to others, inline functions and templates included, and what the module
            itself does not call is not compiled. Smaller, and sooner done. More sources than one are an error; so is a
            dependency that calls a function of the source. Default: it is not.
        features: Features of the C++ toolchain, beside `no_solib_rpaths`; as for `cc_binary`.
        visibility: Of `:<name>` and of each Python's target.
        tags: Of all targets.
        testonly: Of all targets.
        **kwargs: Handed on to each `cc_binary`.
    """
    pythons = PYTHONS
    if py_limited_api:
        pythons = [python for python in PYTHONS if _version(python.version) >= _version(py_limited_api)]
        if not pythons:
            fail("torch_extension {}: py_limited_api is {}, but the newest CPython of the matrix is {}; ".format(
                name,
                py_limited_api,
                PYTHONS[-1].version,
            ) + "expected one of " + ", ".join([python.version for python in PYTHONS]))
    common = {"tags": tags, "testonly": testonly, "visibility": visibility}
    binaries = {}
    for python in pythons[:1] if py_limited_api else pythons:
        tag = "abi3" if py_limited_api else python.tag
        limited = ["Py_LIMITED_API=" + _hexversion(py_limited_api)] if py_limited_api else []
        cc_binary(
            name = "{}.{}".format(name, tag),
            srcs = srcs + hdrs,
            copts = _COPTS + (_WHOLE_PROGRAM if whole_program else []) + copts,
            # The extension's own headers are searched before Python's and torch's, which bundles some of others.
            deps = deps + [_hub(python.tag), _TORCH] + ([_MODULE_INIT] if whole_program else []),
            linkopts = linkopts + select({_OPT: ["-Wl,--strip-all"], "//conditions:default": []}),
            linkshared = True,
            local_defines = defines + limited + [
                "TORCH_API_INCLUDE_EXTENSION_H",
                "TORCH_EXTENSION_NAME=" + module_name,
            ],
            # The loader finds torch's libraries because Python has imported torch before; a wheel carries no RUNPATH.
            features = ["no_solib_rpaths"] + features,
            **(common | kwargs)
        )
        binaries[python.tag] = ":{}.{}".format(name, tag)
    extension_module(
        name = name,
        srcs = srcs + hdrs,
        binaries = binaries.values(),
        defines = defines,
        module_name = module_name,
        py_limited_api = py_limited_api,
        pythons = [_hub(tag) for tag in binaries],
        serves = [_hub(python.tag) for python in pythons],
        torch = _TORCH,
        whole_program = whole_program,
        **common
    )
