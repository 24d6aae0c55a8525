"""The test rule wheel_check_test: a wheel loads wherever its metadata says."""

load("@deepgemm_pythons//:versions.bzl", "REQUIRES_PYTHON")
load("//bazel/torch:providers.bzl", "TorchInfo")
load(":wheel_test.bzl", "launch", "single_wheel")

visibility(["//bazel/...", "//tests/..."])

_DOC = """Proves that a wheel with CPython extensions will load wherever its metadata says.

Every CPython of Requires-Python has a file for each extension module; each file was compiled for the Python that its
name says, exports its PyInit function, and asks for no newer glibc or libstdc++ than the platform tag allows and for no
library but torch's and CUDA's; RECORD, WHEEL, METADATA and the file name are right and agree; DeepGEMM's JIT headers
are there. `docs/wheel-check.md` lists what can be found. Nothing is unpacked; the JSON report is among the test's
outputs. `bazel run @rules_deepgemm//tools/wheel:check -- WHEEL` does the same by hand.

```starlark
wheel_check_test(
    name = "wheel_check",
    wheel = ":my_ops_wheel",
)
```
"""

# Below this directory lie the headers that a package's JIT compiler reads.
_INCLUDE = "/include/"

def _wheel_check_test_impl(ctx):
    wheel = single_wheel(ctx)
    lines = [wheel.short_path]
    if ctx.attr.python_requires:
        lines.append("--requires-python=" + ctx.attr.python_requires)
    if ctx.attr.require_torch:
        lines.append("--torch=" + ctx.attr.torch[TorchInfo].version)
    if ctx.attr.strict:
        lines.append("--strict")
    lines += ["--allow-library=" + library for library in ctx.attr.allowed_libraries]
    lines += ["--accept=" + finding for finding in ctx.attr.accepted_findings]
    for file in ctx.files.jit_headers:
        _, found, path = file.short_path.partition(_INCLUDE)
        if not found:
            fail("{}: jit_headers has {}; expected files below a directory named include".format(
                ctx.label,
                file.short_path,
            ))
        lines.append("--jit-header={}={}".format(path, file.short_path))

    return launch(
        ctx,
        lines,
        "--json-output \"${TEST_UNDECLARED_OUTPUTS_DIR:-$TEST_TMPDIR}/report.json\"",
        [wheel] + ctx.files.jit_headers,
    )

wheel_check_test = rule(
    implementation = _wheel_check_test_impl,
    doc = _DOC,
    test = True,
    attrs = {
        "accepted_findings": attr.string_list(
            doc = "Findings that are known and accepted, as `RULE` or `RULE:GLOB` (of paths in the wheel; `*` crosses " +
                  "slashes). The report lists them. Default: none.",
        ),
        "allowed_libraries": attr.string_list(
            doc = "Libraries that files may need beside those of the platform tag's policy, torch's and CUDA's: " +
                  "`libfoo.so.1`, or `GLOB:libfoo.so.1` for some files only. Default: none; not `libcuda.so.1` either, " +
                  "which is missing on a machine without a driver.",
        ),
        "jit_headers": attr.label_list(
            doc = "The headers that DeepGEMM's JIT compiler reads, each below a directory named `include`: the wheel's " +
                  "package `deep_gemm` must have exactly these, byte by byte. Default: none are known, and only those " +
                  "that the extension's generated code reaches are asked for.",
            allow_files = True,
        ),
        "python_requires": attr.string(
            doc = "The matrix: the wheel's Requires-Python must admit exactly the CPythons of this one. Empty: not compared. " +
                  "Default: that of the `pythons` extension.",
            default = REQUIRES_PYTHON,
        ),
        "require_torch": attr.bool(
            doc = "Whether the wheel has to require a torch, and one that admits `torch`. Default: it has to.",
            default = True,
        ),
        "strict": attr.bool(
            doc = "Whether a file that does not prove which CPython it was compiled for is a finding. pybind11 modules " +
                  "prove it; a plain C module may not. Default: it is.",
            default = True,
        ),
        "torch": attr.label(
            doc = "The torch that was compiled against. Default: that of the flag `//bazel/torch:torch`.",
            default = "//bazel/torch:torch",
            providers = [TorchInfo],
        ),
        "wheel": attr.label(
            doc = "The wheel: a target with one file that ends in `.whl`, under its own name.",
            allow_files = [".whl"],
            mandatory = True,
        ),
        "_check": attr.label(
            default = "//tools/wheel:check",
            cfg = "target",
            executable = True,
        ),
    },
)
