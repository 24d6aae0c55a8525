"""The macro torch_extension: a C++ extension on torch, once for each CPython of the matrix, or once for all."""

load("@deepgemm_pythons//:versions.bzl", "PYTHONS")
load("@rules_cc//cc:defs.bzl", "cc_binary")
load("//bazel/pythons:naming.bzl", "minor_version")
load("//bazel/torch:without_python.bzl", "without_python")
load(":extension_module.bzl", "extension_module")

visibility(["//bazel/...", "//tests/..."])

_TORCH = Label("//bazel/torch:torch")
_OPT = Label("//bazel/rules:opt")

# Options that every GCC and Clang accepts; what only the hermetic GCC accepts is a feature of its toolchain.
# -fvisibility=hidden: a module needs to export PyInit_* only, and the dynamic linker must not merge two modules' copies
# of one template.
_COPTS = [
    "-std=c++20",
    "-fvisibility=hidden",
]

# The file name extensions that cc_binary compiles.
_SOURCES = ("c", "cc", "cpp", "cxx", "c++", "C", "s", "S", "asm")

def _check_whole_program(name, srcs, features):
    """Fails if a module with the feature whole_program has several sources, by their names. A select() is not checked."""
    if type(srcs) != "list" or type(features) != "list":
        return
    sources = [str(src) for src in srcs if str(src).rpartition(".")[2] in _SOURCES]
    if "whole_program" in features and "-whole_program" not in features and len(sources) > 1:
        fail("torch_extension {}: the feature whole_program is for one source, and srcs has {}: {}; ".format(
            name,
            len(sources),
            ", ".join(sources),
        ) + "leave the feature out")

def _prefix_maps(srcs):
    """Options that make `__FILE__` of a source in an external repository the source's path in that repository."""
    labels = [native.package_relative_label(src) for src in srcs] if type(srcs) == "list" else []
    roots = {label.workspace_root: None for label in labels if label.workspace_root}
    return ["-ffile-prefix-map={}/=".format(root) for root in roots]

def _hub(tag):
    return Label("@deepgemm_pythons//:" + tag)

def _minor(version):
    return int(version.split(".")[1])

def _served(name, py_limited_api):
    """The CPythons of the matrix that the libraries serve; fails if a stable-ABI module would serve none."""
    if not py_limited_api:
        return PYTHONS
    pythons = [python for python in PYTHONS if _minor(python.version) >= _minor(py_limited_api)]
    if not pythons:
        fail("torch_extension {}: py_limited_api is {}, but the newest CPython of the matrix is {}; ".format(
            name,
            py_limited_api,
            PYTHONS[-1].version,
        ) + "expected one of " + ", ".join([python.version for python in PYTHONS]))
    return pythons

def _import_root(package):
    """Where the package's Python files are: the directory beside the BUILD file that has `<package>/__init__.py`."""
    for root in ("", "src/"):
        if package and native.glob(["{}{}/__init__.py".format(root, package)], allow_empty = True):
            return root
    return "../" * len(package.split("/")) if ("/" + native.package_name()).endswith("/" + package) and package else ""

def torch_extension(
        name,
        srcs,
        module_name = "_C",
        hdrs = [],
        deps = [],
        copts = [],
        defines = [],
        linkopts = [],
        operators = False,
        package = "",
        import_root = None,
        py_limited_api = None,
        features = [],
        visibility = None,
        tags = [],
        testonly = None,
        **kwargs):
    """A Python extension module on torch for every CPython of the matrix, or a library that registers operators.

    Makes `:<name>.cp311`, `:<name>.cp312`, …: a `cc_binary` for each CPython that the `pythons` module extension found
    for Requires-Python, which depends on that Python's headers, on torch and on torch's CUDA libraries; and `:<name>`,
    which gathers their shared libraries (provider `ExtensionInfo`) for `extension_wheel`. Building `:<name>.cp312`
    builds nothing of the other Pythons. In `-c opt` the libraries are stripped.

    `:<name>` is also a dependency of `py_library`, `py_test` and `py_binary`. It brings the library of the Python in use, the
    one of the registered Python toolchain, at `package` beside the package's Python files, so that they import it as
    from an installed wheel; only that library is built. The build of a `py_test` or `py_binary` on a Python that
    Requires-Python does not admit fails. A toolchain that does not show its version, such as Bazel's own
    `autodetecting_toolchain`, gets the libraries of all CPythons. torch comes from a dependency too: your own, or
    `@rules_deepgemm//bazel/torch:runtime.cp312`, the pinned one with all that it requires, for CPython 3.12.

    With `operators = True`, the library registers operators and is no module: the sources have `TORCH_LIBRARY` or
    `STABLE_TORCH_LIBRARY`, include neither `Python.h` nor `torch/extension.h`, and are compiled once, as `:<name>.ops`. One
    `<module_name>.so` serves every CPython. The package loads it:

    ```python
    torch.ops.load_library(importlib.util.find_spec("my_ops._ops").origin)
    ```

    What does not depend on Python compiles once, too, in a `cc_library` that several modules depend on. It needs this
    macro's C++ version, since torch's headers do:

    ```starlark
    cc_library(
        name = "kernels",
        srcs = ["kernels.cc"],
        hdrs = ["kernels.h"],
        copts = ["-std=c++20", "-fvisibility=hidden"],
        deps = ["@rules_deepgemm//bazel/torch"],
    )
    ```

    OpenMP needs `copts = ["-fopenmp"]` and `linkopts = ["-fopenmp"]`. At run time its library is torch's `libgomp.so.1`.

    pybind11's headers come with torch. `TORCH_EXTENSION_NAME` is defined as `module_name`, as
    `torch.utils.cpp_extension` does, so that sources may say `PYBIND11_MODULE(TORCH_EXTENSION_NAME, m)`.

    Analysis fails if `module_name` is not an identifier, if every Python of the matrix is older than `py_limited_api`, if
    `operators` and `py_limited_api` are both set, or if a module with the feature `whole_program` has more than one
    source. The build of a library under its name, also for something that depends on it, fails if the library does not
    export `PyInit_<module_name>`, needs a CUDA runtime of another major version than torch's, or needs a symbol of torch
    that this torch does not have. With `operators`, it fails if the library registers no operator, has a `PyInit_…`, or
    needs anything of Python.

    Features of the hermetic GCC that extensions may use; other toolchains ignore them:

    - `whole_program`: the one source is the whole module (GCC's `-fwhole-program`). Only `PyInit_<module_name>` is
      exported, inline functions and templates included, and GCC does not compile what the module does not call: a
      smaller library in less time. A dependency cannot call functions of the source.
    - `smaller_code`: GCC does not move rarely executed blocks away and does not align the targets of jumps.
    - `file_prefix_map`, enabled by default: `__FILE__` and debug information name no external repository.

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
        module_name: The module's last name, as in `PyInit_<module_name>`, or the name of an operator library without `.so`.
            A Python identifier. Default: `_C`.
        hdrs: Headers of this extension. Every header that the compiler reads must be here or come from `deps`.
            Default: none.
        deps: Further C++ dependencies, such as `cc_library` or rules_cuda's `cuda_library`. Their headers come before torch's
            on the search path, so that a pybind11 here takes the place of torch's copy. A Python's headers that they bring,
            as pybind11_bazel's `@pybind11` does, are not used. Default: none.
        copts: Compiler options. They follow this macro's own (`-std=c++20 -fvisibility=hidden`) and override them.
            Default: none.
        defines: Preprocessor definitions, `NAME` or `NAME=VALUE`, for these sources only. Default: none.
        linkopts: Linker options. Default: none.
        operators: Whether the library only registers operators: one for every CPython, without `PyInit_…`. Default: False.
        package: The directory of a wheel that the libraries belong in, such as `my_ops`, or `a/b` for the package `a.b`.
            Default: the `package` of `extension_wheel`; for `py_library` and the like, no package.
        import_root: The directory that has `package`, relative to the BUILD file's, such as `src`, or `..` for a BUILD file
            in `my_ops`; as an entry of `imports` of `py_library`. A directory outside of the repository is an analysis
            error. Default: the first of `.` and `src` that has `<package>/__init__.py`; else, for a BUILD file in a
            directory `package`, the directory above it; else `.`.
        py_limited_api: The oldest CPython of a stable-ABI module (PEP 384), such as `3.11`: makes one library,
            `:<name>.abi3`, instead of one per Python. The sources must then use the limited API only (pybind11 does
            not; register operators with TORCH_LIBRARY). Default: none.
        features: Features of the C++ toolchain, after `no_solib_rpaths`; as for `cc_binary`. `-name` disables one.
            Default: none.
        visibility: The visibility of `:<name>` and of each Python's target. A wheel in another package needs it. Default: the
            package's, which is private unless the BUILD file says otherwise.
        tags: The tags of all targets. Default: none.
        testonly: Whether all targets are for tests only. Default: the package's.
        **kwargs: Passed on to each `cc_binary`.
    """
    _check_whole_program(name, srcs, features)
    if operators and py_limited_api:
        fail("torch_extension {}: found operators and py_limited_api; expected one of them: ".format(name) +
             "an operator library needs no Python at all")
    if py_limited_api:
        py_limited_api = minor_version(py_limited_api, "torch_extension {}: py_limited_api".format(name))
    pythons = _served(name, py_limited_api)
    common = {"tags": tags, "testonly": testonly, "visibility": visibility}
    without_python(
        name = name + ".deps",
        operators = operators,
        tags = tags + ["manual"],
        testonly = testonly,
        visibility = ["//visibility:private"],
        deps = deps + ([_TORCH] if operators else []),
    )
    own = ":{}.deps".format(name)
    if operators:
        # One library for every Python: {its tag: what its sources depend on}.
        libraries = {"ops": [own]}
    else:
        # The extension's own headers come first on the search path: torch bundles headers of other projects.
        libraries = {
            "abi3" if py_limited_api else python.tag: [own, _hub(python.tag), _TORCH]
            for python in (pythons[:1] if py_limited_api else pythons)
        }
    local_defines = defines + ["TORCH_EXTENSION_NAME=" + module_name]
    if py_limited_api:
        # The form of PY_VERSION_HEX: https://docs.python.org/3/c-api/stable.html.
        local_defines.append("Py_LIMITED_API=0x%x" % (3 << 24 | _minor(py_limited_api) << 16))
    elif not operators:
        # torch/torch.h then includes torch/extension.h, which needs pybind11 and all of Python's headers.
        local_defines.append("TORCH_API_INCLUDE_EXTENSION_H")
    for tag, dependencies in libraries.items():
        cc_binary(
            name = "{}.{}".format(name, tag),
            srcs = srcs + hdrs,
            copts = _COPTS + _prefix_maps(srcs) + copts,
            deps = dependencies,
            linkopts = linkopts + select({_OPT: ["-Wl,--strip-all"], "//conditions:default": []}),
            linkshared = True,
            local_defines = local_defines,
            # Without RUNPATH: Python has imported torch, so that the loader already has torch's libraries.
            features = ["no_solib_rpaths"] + features,
            **(common | kwargs)
        )
    extension_module(
        name = name,
        binaries = [":{}.{}".format(name, tag) for tag in libraries],
        import_root = _import_root(package) if import_root == None else import_root,
        module_name = module_name,
        operators = operators,
        package = package,
        py_limited_api = py_limited_api,
        pythons = [_hub(python.tag) for python in pythons],
        torch = _TORCH,
        **common
    )
