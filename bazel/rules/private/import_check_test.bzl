"""The test import_check_test: every registered CPython installs a wheel and imports a module of it, or loads operators."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load("@deepgemm_pythons//:versions.bzl", "PYTHONS")
load("//bazel/pythons:providers.bzl", "PythonAbiInfo")
load("//bazel/torch:providers.bzl", "TorchRuntimeInfo")
load(":wheel_test.bzl", "TEST_MACHINE", "launch", "single_wheel")

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
    lines += ["--operator=" + name for name in ctx.attr.operators]
    lines += ["--emulator=" + file.short_path for file in ctx.files.emulator]
    lines += ["--script=" + script.short_path for script in ctx.files.script]
    files = []
    for target in ctx.attr.pythons:
        python = target[PythonAbiInfo]
        if python.tag not in anchors:
            fail("{}: runtimes has {}; expected the packages of {} too: add them".format(
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
        [wheel, ctx.executable._uv] + ctx.files.emulator + ctx.files.script + anchors.values(),
        depset(transitive = files),
    )

_import_check_test = rule(
    implementation = _import_check_test_impl,
    doc = "The rule behind the macro `import_check_test`.",
    test = True,
    attrs = {
        "emulator": attr.label(
            doc = "What runs the interpreters on the machine, such as qemu-user. Default: none, they run by themselves.",
            allow_files = True,
            cfg = TEST_MACHINE,
        ),
        "extension": attr.string(
            doc = "The extension module or operator library inside `module`, such as `_C`. Default: `module` itself.",
        ),
        "loaded": attr.string_list(
            doc = "Names of modules that must be in `sys.modules` after the import of `module`. Default: none.",
        ),
        "module": attr.string(
            doc = "The module to import, such as `vllm.third_party.deep_gemm`.",
            mandatory = True,
        ),
        "operators": attr.string_list(
            doc = "Operators that must be registered afterwards, such as `my_ops::scatter`. Default: none.",
        ),
        "pythons": attr.label_list(
            doc = "The CPythons that import the module.",
            mandatory = True,
            providers = [PythonAbiInfo],
        ),
        "runtimes": attr.label_list(
            doc = "For each of `pythons`, the packages to import with: torch and what it requires.",
            mandatory = True,
            providers = [TorchRuntimeInfo],
        ),
        "script": attr.label(
            doc = "A Python program that every CPython runs afterwards, and that fails the test unless it exits with 0. " +
                  "Default: none.",
            allow_single_file = [".py"],
        ),
        "stable_abi": attr.bool(
            doc = "Whether one `.abi3.so` serves all CPythons. Default: False, one library per CPython.",
        ),
        "wheel": attr.label(
            doc = "The wheel: a target with one file that ends in `.whl`, under its own name.",
            allow_files = [".whl"],
            mandatory = True,
        ),
        "_check": attr.label(
            default = "//tools/wheel:import_check",
            cfg = TEST_MACHINE,
            executable = True,
        ),
        "_skip_missing": attr.label(default = "//bazel/rules:skip_missing_interpreters"),
        "_uv": attr.label(
            default = "@deepgemm_uv//:uv",
            allow_single_file = True,
            cfg = TEST_MACHINE,
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
        operators = [],
        script = None,
        stable_abi = False,
        size = "medium",
        tags = [],
        **kwargs):
    """Installs a wheel into a fresh environment of every registered CPython, and imports a module of it there.

    Each environment has the torch that the wheel requires, for that CPython, and the packages that this torch requires; uv
    installs the wheel. The test fails unless the imported extension module has that CPython's SOABI in its name, and the
    module has the same public names and registers the same operators under every CPython. It needs no GPU.

    If `extension` is an operator library (`torch_extension(operators = True)`, or any shared library of a name that
    `import` finds, without an init function), it is loaded with `torch.ops.load_library`. The log lists the operators that
    it registers.

    On an x86-64 machine, a wheel for aarch64 is imported under qemu-user, by CPythons of Debian's packages. torch takes half
    a minute and 0.9 GB there.

    A CPython without an interpreter fails the test, and the message says how to provide one. With
    `--@rules_deepgemm//bazel/rules:skip_missing_interpreters` such a CPython is skipped, and the log says so; a test that
    skips every CPython fails.

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
        module: The module to import, such as `vllm.third_party.deep_gemm`.
        extension: The extension module or operator library inside `module`, such as `_C`. Default: `module` is the extension
            itself, or, with `operators`, the package that loads it.
        loaded: Names of modules that must be in `sys.modules` after the import of `module`. Default: none.
        operators: Operators that must be registered with torch afterwards, such as `my_ops::scatter`, with or without the
            name of an overload. The log then lists all that were registered. Default: none.
        script: A Python program, a `.py` file, that each environment runs afterwards, such as one that computes a value and
            compares it. It imports what the wheel and torch install, and nothing beside itself. An exit code other than 0
            fails the test. Default: none.
        stable_abi: Whether one `.abi3.so` serves all CPythons. Default: False, one library per CPython.
        size: As for every test. Default: `medium`, which stops after 5 minutes.
        tags: As for every test. `no-remote-exec` is added: the test reads packages that are not among its declared
            files, so it must run on this machine. Default: none.
        **kwargs: Passed to the test rule: `timeout`, `visibility` and the like.
    """
    _import_check_test(
        name = name,
        size = size,
        emulator = select({
            Label("@platforms//cpu:aarch64"): Label("//bazel/platforms:run_aarch64"),
            "//conditions:default": None,
        }),
        extension = extension,
        loaded = loaded,
        module = module,
        operators = operators,
        pythons = [Label("@deepgemm_pythons//:" + python.tag) for python in PYTHONS],
        runtimes = [Label("@deepgemm_torch_runtime//:" + python.tag) for python in PYTHONS],
        script = script,
        stable_abi = stable_abi,
        tags = tags + ["no-remote-exec"],
        wheel = wheel,
        **kwargs
    )
