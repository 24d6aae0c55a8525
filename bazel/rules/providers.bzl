"""The provider ExtensionInfo, which passes from torch_extension to extension_wheel."""

visibility(["//bazel/...", "//tests/..."])

ExtensionInfo = provider(
    doc = "A compiled extension module: one shared library per CPython, or one for all of them (stable ABI, operators).",
    fields = {
        "files": "dict of string to File: the shared library of each Python, by its tag (`cp311`); by `abi3` for the only " +
                 "one of a stable-ABI module; by `any` for that of an operator library, which is no module and serves every " +
                 "CPython. The file's name is the one that Python's import system looks for: `<module_name>.<SOABI>.so` " +
                 "(PEP 3149), `<module_name>.abi3.so`, `<module_name>.so`",
        "module_name": "string: the module's last name, as in PyInit_<module_name>, or the operator library's name",
        "package": "string: the directory of a wheel that the files belong in, such as `my_ops` or `a/b`; empty where the " +
                   "extension does not say",
        "py_limited_api": "string: the oldest CPython of a stable-ABI module, such as `3.11`; empty for any other",
        "pythons": "list of PythonAbiInfo: the CPythons that can load the files, oldest first",
        "torch": "TorchInfo: the torch that the files were compiled and linked against",
    },
)
