"""The provider PythonAbiInfo: a CPython, as the rules that compile for it see it."""

visibility(["//bazel/...", "//tests/..."])

PythonAbiInfo = provider(
    doc = "A CPython that extensions are compiled for: its ABI and, if there is one, an interpreter for tests.",
    fields = {
        "files": "depset of File: the interpreter and all files that it needs to run; empty without an interpreter",
        "interpreter": "File: an executable that runs this Python; None for a CPython that has only headers",
        "soabi": "string: the part before `.so` of an extension's file name (PEP 3149), such as `cpython-312-x86_64-linux-gnu`",
        "tag": "string: the Python tag and ABI tag of PEP 425, such as `cp312`",
        "version": "string: major and minor version, such as `3.12`",
    },
)
