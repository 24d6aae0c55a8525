"""CPython {VERSION}: {ORIGIN}."""

load("@rules_cc//cc:defs.bzl", "cc_library")
load("{PYTHON_ABI_BZL}", "python_abi")

package(default_visibility = ["//visibility:public"])

cc_library(
    name = "headers",
    hdrs = glob(["include/python{VERSION}/**/*.h"]),
    includes = ["include/python{VERSION}"],
)

# What the interpreter runs on; empty for an interpreter of the machine, which lies elsewhere.
filegroup(
    name = "interpreter_files",
    srcs = glob(
        [
            "lib/**",
            "libexec/**",
        ],
        allow_empty = True,
        # CPython may write .pyc files beside its modules when it runs outside of a sandbox.
        exclude = ["**/__pycache__/**"],
    ),
)

python_abi(
    name = "python",
    headers = ":headers",
    interpreter = "bin/python3",
    interpreter_files = [":interpreter_files"],
    python_version = "{VERSION}",
)
