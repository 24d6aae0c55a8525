"""What a Python is to the rules that compile for it."""

PythonAbiInfo = provider(
    doc = "A CPython that extensions are compiled for: its ABI, and an interpreter where there is one to test with.",
    fields = {
        "files": "depset of File: what the interpreter needs to run, itself included; empty where there is none",
        "interpreter": "File: an executable that runs this Python; None where only headers are there",
        "soabi": "string: what stands before `.so` in an extension's name, such as `cpython-312-x86_64-linux-gnu`",
        "tag": "string: the Python tag and ABI tag of PEP 425, such as `cp312`",
        "version": "string: major and minor version, such as `3.12`",
    },
)
