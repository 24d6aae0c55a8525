"""The macro torch_extension: a C++ extension on torch, once for each CPython of the matrix."""

load("@deepgemm_pythons//:versions.bzl", "PYTHONS")
load("@rules_cc//cc:defs.bzl", "cc_binary")
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
        package = "",
        py_limited_api = None,
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

    Analysis fails if `module_name` is not an identifier, if every Python of the matrix is older than `py_limited_api`,
    or if a module with the feature `whole_program` has more than one source. A build of `:<name>`, or of anything that
    depends on it, fails if a library does not export `PyInit_<module_name>`, needs a CUDA runtime of another major
    version than torch's, or needs a symbol of torch that this torch does not have.

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
        module_name: The module's last name, as in `PyInit_<module_name>`. A Python identifier. Default: `_C`.
        hdrs: Headers of this extension. Every header that the compiler reads must be here or come from `deps`.
            Default: none.
        deps: Further C++ dependencies, such as `cc_library` or rules_cuda's `cuda_library`. Default: none.
        copts: Compiler options. They follow this macro's own (`-std=c++20 -fvisibility=hidden`) and override them.
            Default: none.
        defines: Preprocessor definitions, `NAME` or `NAME=VALUE`, for these sources only. Default: none.
        linkopts: Linker options. Default: none.
        package: The directory of a wheel that the libraries belong in, such as `my_ops`, or `a/b` for the package `a.b`.
            Default: the `package` of `extension_wheel`.
        py_limited_api: The oldest CPython of a stable-ABI module (PEP 384), such as `3.11`: makes one library,
            `:<name>.abi3`, instead of one per Python. The sources must then use the limited API only (pybind11 does
            not; register operators with TORCH_LIBRARY). Default: none.
        features: Features of the C++ toolchain, after `no_solib_rpaths`; as for `cc_binary`. `-name` disables one.
            Default: none.
        visibility: The visibility of `:<name>` and of each Python's target. Default: the package's.
        tags: The tags of all targets. Default: none.
        testonly: Whether all targets are for tests only. Default: the package's.
        **kwargs: Passed on to each `cc_binary`.
    """
    _check_whole_program(name, srcs, features)
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
            copts = _COPTS + _prefix_maps(srcs) + copts,
            # The extension's own headers come first on the search path: torch bundles headers of other projects.
            deps = deps + [_hub(python.tag), _TORCH],
            linkopts = linkopts + select({_OPT: ["-Wl,--strip-all"], "//conditions:default": []}),
            linkshared = True,
            local_defines = defines + limited + [
                "TORCH_API_INCLUDE_EXTENSION_H",
                "TORCH_EXTENSION_NAME=" + module_name,
            ],
            # Without RUNPATH: Python has imported torch, so that the loader already has torch's libraries.
            features = ["no_solib_rpaths"] + features,
            **(common | kwargs)
        )
        binaries[python.tag] = ":{}.{}".format(name, tag)
    extension_module(
        name = name,
        binaries = binaries.values(),
        module_name = module_name,
        package = package,
        py_limited_api = py_limited_api,
        pythons = [_hub(tag) for tag in binaries],
        serves = [_hub(python.tag) for python in pythons],
        torch = _TORCH,
        **common
    )
