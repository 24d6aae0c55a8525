"""The test wheel_check_test: a wheel loads wherever its metadata says."""

load("@deepgemm_pythons//:versions.bzl", "REQUIRES_PYTHON")
load("//bazel/torch:providers.bzl", "TorchInfo")
load(":wheel_test.bzl", "TEST_MACHINE", "launch", "single_wheel")

visibility(["//bazel/...", "//tests/..."])

# Below this directory lie the headers that a package's JIT compiler reads.
_INCLUDE = "/include/"

def _wheel_check_test_impl(ctx):
    wheel = single_wheel(ctx)
    lines = [wheel.short_path]
    if "\n" in ctx.attr.python_requires:
        fail("{}: python_requires is {}; expected one line, such as >=3.11,<3.15".format(
            ctx.label,
            repr(ctx.attr.python_requires),
        ))
    if ctx.attr.python_requires:
        lines.append("--requires-python=" + ctx.attr.python_requires)
    if ctx.attr.require_torch:
        lines.append("--torch=" + ctx.attr.torch[TorchInfo].version)
    if ctx.attr.strict:
        lines.append("--strict")
    lines += ["--only=" + kind for kind in ctx.attr.classes]
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

_wheel_check_test = rule(
    implementation = _wheel_check_test_impl,
    doc = "The rule behind the macro `wheel_check_test`, which documents the attributes.",
    test = True,
    attrs = {
        "accepted_findings": attr.string_list(),
        "allowed_libraries": attr.string_list(),
        "classes": attr.string_list(allow_empty = False),
        "jit_headers": attr.label_list(allow_files = True),
        "python_requires": attr.string(),
        "require_torch": attr.bool(),
        "strict": attr.bool(),
        "torch": attr.label(providers = [TorchInfo]),
        "wheel": attr.label(allow_files = [".whl"], mandatory = True),
        "_check": attr.label(
            default = "//tools/wheel:check",
            cfg = TEST_MACHINE,
            executable = True,
        ),
    },
)

def wheel_check_test(
        name,
        wheel,
        accepted_findings = [],
        allowed_libraries = [],
        classes = ["load", "form"],
        jit_headers = [],
        python_requires = REQUIRES_PYTHON,
        require_torch = True,
        strict = True,
        torch = Label("//bazel/torch:torch"),
        size = "small",
        **kwargs):
    """Proves that a wheel with CPython extensions will load wherever its metadata says.

    The wheel has, for every CPython of Requires-Python, a file for each extension module. Each file was compiled for the
    Python that its name says, exports its init function, finds the libraries that it needs, and needs no newer glibc or
    libstdc++ than the platform tag allows. RECORD, WHEEL, METADATA and the file name are right and agree, and DeepGEMM's
    JIT headers are there. `docs/wheel-check.md` lists all findings. Nothing is unpacked; the JSON report is among the
    test's outputs. `bazel run @rules_deepgemm//tools/wheel:check -- WHEEL` does the same by hand.

    Example:
    ```starlark
    wheel_check_test(
        name = "wheel_check",
        wheel = ":my_ops_wheel",
    )
    ```

    Args:
        name: The test's name.
        wheel: The wheel: a target with one file that ends in `.whl`, under its own name.
        accepted_findings: Known findings that do not count, as `RULE` or `RULE:GLOB` (of paths in the wheel; `*` crosses
            slashes). The report lists them. Default: none.
        allowed_libraries: Libraries that files may need beside the wheel's own, those of the platform tag's policy, and those
            of torch and CUDA: `LIBRARY`, or `GLOB:LIBRARY` for some files only. `LIBRARY` may be a glob, such as
            `libfoo.so.*`. Default: none. `libcuda.so.1` is not allowed either: a machine without a driver lacks it.
        classes: The classes of findings that fail the test. `load`: the wheel will not import somewhere it claims to.
            `form`: names, tags and RECORD's style. Default: both.
        jit_headers: The headers that DeepGEMM's JIT compiler reads, each below a directory named `include`: the wheel's
            package `deep_gemm` must have exactly these, byte by byte. Default: none; the wheel must then have the headers
            that the extension's generated code includes.
        python_requires: The matrix: the wheel's Requires-Python must admit exactly its CPythons. Empty: not compared.
            Default: that of the `pythons` extension.
        require_torch: Whether the wheel has to require a torch, and one that admits `torch`. Default: True.
        strict: Whether it is a finding that the files do not prove something, such as the CPython that a module was compiled
            for. pybind11 modules prove it; a plain C module may not. Default: True.
        torch: The torch that was compiled against. Default: that of the flag `//bazel/torch:torch`.
        size: As for every test. Default: `small`, which stops after one minute; a wheel of 340 MB takes 6 s.
        **kwargs: Passed to the test rule: `timeout`, `tags`, `visibility` and the like.
    """
    _wheel_check_test(
        name = name,
        size = size,
        accepted_findings = accepted_findings,
        allowed_libraries = allowed_libraries,
        classes = classes,
        jit_headers = jit_headers,
        python_requires = python_requires,
        require_torch = require_torch,
        strict = strict,
        torch = torch,
        wheel = wheel,
        **kwargs
    )
