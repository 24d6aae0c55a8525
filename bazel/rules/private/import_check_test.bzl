"""The test rule import_check_test: every registered CPython installs a wheel and imports it."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load("@deepgemm_pythons//:versions.bzl", "PYTHONS")
load("//bazel/pythons:providers.bzl", "PythonAbiInfo")
load("//bazel/torch:providers.bzl", "TorchRuntimeInfo")
load(":wheel_test.bzl", "launch", "single_wheel")

visibility(["//bazel/...", "//tests/..."])

def _import_check_test_impl(ctx):
    wheel = single_wheel(ctx)
    anchors = {runtime[TorchRuntimeInfo].tag: runtime[TorchRuntimeInfo].anchor for runtime in ctx.attr.runtimes}
    lines = ["--wheel=" + wheel.short_path, "--uv=" + ctx.executable._uv.short_path, "--module=" + ctx.attr.module]
    if ctx.attr.extension:
        lines.append("--extension=" + ctx.attr.extension)
    if ctx.attr.stable_abi:
        lines.append("--stable-abi")
    if ctx.attr._skip_missing[BuildSettingInfo].value:
        lines.append("--skip-missing")
    lines += ["--loaded=" + name for name in ctx.attr.loaded]
    files = []
    for target in ctx.attr.pythons:
        python = target[PythonAbiInfo]
        if python.tag not in anchors:
            fail("{}: runtimes has {}; expected the packages of {} too".format(
                ctx.label,
                ", ".join(anchors) or "nothing",
                python.tag,
            ))
        interpreter = python.interpreter.short_path if python.interpreter else ""
        lines.append("--python={},{},{},{}".format(python.tag, python.version, interpreter, anchors[python.tag].short_path))
        files.append(python.files)

    return launch(
        ctx,
        lines,
        "--work \"$TEST_TMPDIR/work\"",
        [wheel, ctx.executable._uv] + anchors.values(),
        depset(transitive = files),
    )

_import_check_test = rule(
    implementation = _import_check_test_impl,
    doc = "Behind the macro `import_check_test`.",
    test = True,
    attrs = {
        "extension": attr.string(
            doc = "The extension module inside `module`, such as `_C`. Empty: `module` is the extension itself.",
        ),
        "loaded": attr.string_list(
            doc = "Modules that must be in `sys.modules` once `module` is imported, by name. Default: none.",
        ),
        "module": attr.string(
            doc = "What to import, such as `vllm.third_party.deep_gemm`.",
            mandatory = True,
        ),
        "pythons": attr.label_list(
            doc = "The CPythons.",
            mandatory = True,
            providers = [PythonAbiInfo],
        ),
        "runtimes": attr.label_list(
            doc = "The packages of each CPython: torch and what it requires.",
            mandatory = True,
            providers = [TorchRuntimeInfo],
        ),
        "stable_abi": attr.bool(
            doc = "Whether the extension is one `.abi3.so` for all. Default: it has a file per CPython.",
        ),
        "wheel": attr.label(
            doc = "The wheel: a target with one file that ends in `.whl`, under its own name.",
            allow_files = [".whl"],
            mandatory = True,
        ),
        "_check": attr.label(
            default = "//tools/wheel:import_check",
            cfg = "exec",
            executable = True,
        ),
        "_skip_missing": attr.label(default = "//bazel/rules:skip_missing_interpreters"),
        "_uv": attr.label(
            default = "@deepgemm_uv//:uv",
            allow_single_file = True,
            cfg = "exec",
            executable = True,
        ),
    },
)

def import_check_test(
        name,
        wheel,
        module,
        extension = "",
        loaded = [],
        stable_abi = False,
        size = "large",
        tags = [],
        **kwargs):
    """Installs a wheel into a fresh environment of every registered CPython, and imports it there.

    Each environment has the torch that the wheel requires, for that CPython, and all that this torch requires; uv
    installs the wheel. The extension module that is imported has that CPython's SOABI in its name, and the public names
    are the same under every CPython. No GPU is needed. A CPython without an interpreter fails the test and says how to
    provide one; `--@rules_deepgemm//bazel/rules:skip_missing_interpreters` turns that into a skip, which the log shows;
    where every one is skipped, the test fails.

    Example:
    ```starlark
    import_check_test(
        name = "import_check",
        extension = "_C",
        module = "my_ops",
        wheel = ":my_ops_wheel",
    )
    ```

    Args:
        name: The test's name.
        wheel: The wheel: a target with one file that ends in `.whl`, under its own name.
        module: What to import, such as `vllm.third_party.deep_gemm`.
        extension: The extension module inside `module`, such as `_C`. Default: `module` is the extension itself.
        loaded: Modules that must be in `sys.modules` once `module` is imported, by name. Default: none.
        stable_abi: Whether the extension is one `.abi3.so` for all. Default: it has a file per CPython.
        size: As for every test.
        tags: As for every test. The packages lie outside of the test's declared files, so that it runs on this
            machine alone: `no-remote-exec` is added.
        **kwargs: Handed on to the test rule: `timeout`, `visibility` and the like.
    """
    _import_check_test(
        name = name,
        size = size,
        extension = extension,
        loaded = loaded,
        module = module,
        pythons = [Label("@deepgemm_pythons//:" + python.tag) for python in PYTHONS],
        runtimes = [Label("@deepgemm_torch_runtime//:" + python.tag) for python in PYTHONS],
        stable_abi = stable_abi,
        tags = tags + ["no-remote-exec"],
        wheel = wheel,
        **kwargs
    )
