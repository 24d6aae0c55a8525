"""Analysis tests of extension_wheel, wheel_overlay, platform_wheels, import_check_test and wheel_check_test."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load(
    "//bazel/rules:defs.bzl",
    "extension_wheel",
    "import_check_test",
    "platform_wheels",
    "vllm_wheel",
    "wheel_check_test",
    "wheel_overlay",
)
load(":fake_extension.bzl", "fake_extension")

visibility(["//tests/..."])

def _action_test_impl(ctx):
    env = analysistest.begin(ctx)
    actions = [action for action in analysistest.target_actions(env) if action.mnemonic == ctx.attr.mnemonic]
    asserts.equals(env, 1, len(actions))
    outputs = actions[0].outputs.to_list()
    asserts.equals(env, [ctx.attr.output], [output.short_path.removeprefix("tests/wheel/") for output in outputs])
    arguments = " ".join(actions[0].argv)
    for argument in ctx.attr.arguments:
        asserts.true(env, argument in arguments, "'{}' is not in {}".format(argument, arguments))
    return analysistest.end(env)

def _action_test_rule(config_settings = {}):
    return analysistest.make(
        _action_test_impl,
        attrs = {
            "arguments": attr.string_list(),
            "mnemonic": attr.string(mandatory = True),
            "output": attr.string(mandatory = True),
        },
        config_settings = config_settings,
    )

_AARCH64 = {"//command_line_option:platforms": str(Label("//bazel/platforms:linux_aarch64"))}

action_test = _action_test_rule()
action_aarch64_test = _action_test_rule(_AARCH64)

def _outputs_test_impl(ctx):
    env = analysistest.begin(ctx)
    files = analysistest.target_under_test(env)[DefaultInfo].files.to_list()
    asserts.equals(env, sorted(ctx.attr.outputs), sorted([file.short_path.removeprefix("tests/wheel/") for file in files]))
    return analysistest.end(env)

outputs_test = analysistest.make(
    _outputs_test_impl,
    attrs = {"outputs": attr.string_list(mandatory = True)},
)

def _failure_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

failure_test = analysistest.make(
    _failure_test_impl,
    attrs = {"message": attr.string(mandatory = True)},
    expect_failure = True,
)

def _options_test_impl(ctx):
    env = analysistest.begin(ctx)
    actions = analysistest.target_actions(env)
    (content,) = [action.content for action in actions if action.outputs.to_list()[0].extension == "options"]
    for option in ctx.attr.options:
        asserts.true(env, option in content.splitlines(), "'{}' is not in {}".format(option, content))
    for option in ctx.attr.without:
        asserts.false(env, option in content.splitlines(), "'{}' is in {}".format(option, content))
    return analysistest.end(env)

def _options_test_rule(config_settings = {}):
    return analysistest.make(
        _options_test_impl,
        attrs = {
            "options": attr.string_list(),
            "without": attr.string_list(),
        },
        config_settings = config_settings,
    )

# With a target platform of another CPU than this machine's, this machine still runs the tool.
def _configuration_test_impl(ctx):
    env = analysistest.begin(ctx)
    files = analysistest.target_under_test(env)[DefaultInfo].default_runfiles.files.to_list()
    paths = {file.short_path: file.path for file in files}
    asserts.true(env, "-exec" in paths.get(ctx.attr.tool, ""), "{} is not for this machine".format(ctx.attr.tool))
    wheels = [path for path in paths.values() if path.endswith("_aarch64.whl")]
    asserts.equals(env, 1, len(wheels))
    return analysistest.end(env)

configuration_test = analysistest.make(
    _configuration_test_impl,
    attrs = {"tool": attr.string(mandatory = True)},
    config_settings = _AARCH64,
)

options_test = _options_test_rule()
options_skip_test = _options_test_rule({str(Label("//bazel/rules:skip_missing_interpreters")): True})

def _refused(name, message, rule, **kwargs):
    """A target whose analysis must fail, and the test of its message; returns the test's name."""
    rule(name = name + ".target", tags = ["manual"], **kwargs)
    failure_test(name = name, size = "small", message = message, target_under_test = ":" + name + ".target")
    return name

def rules_test_suite(name):
    """Declares the tests, and a test_suite of them.

    Args:
        name: The test suite's name.
    """
    fake_extension(
        name = "stable",
        py_limited_api = "3.11",
        suffixes = {"abi3": ".abi3"},
        tags = ["manual"],
    )
    extension_wheel(
        name = "stable_wheel",
        distribution = "Stable.Ops",
        extension = ":stable",
        package = "ops",
        platform = "linux_x86_64",
        python_requires = ">=3.11",
        require_torch = False,
        tags = ["manual"],
        version = "1.0",
    )
    action_test(
        name = "extension_wheel_test",
        size = "small",
        arguments = ["build"],
        mnemonic = "ExtensionWheel",
        output = "ops_wheel/ops-2.8.2-cp311.cp312-cp311.cp312-manylinux_2_28_x86_64.whl",
        target_under_test = ":ops_wheel",
    )
    action_test(
        name = "stable_abi_wheel_test",
        size = "small",
        mnemonic = "ExtensionWheel",
        output = "stable_wheel/stable_ops-1.0-cp311-abi3-linux_x86_64.whl",
        target_under_test = ":stable_wheel",
    )
    action_aarch64_test(
        name = "aarch64_wheel_test",
        mnemonic = "ExtensionWheel",
        output = "ops_wheel/ops-2.8.2-cp311.cp312-cp311.cp312-manylinux_2_28_aarch64.whl",
        target_under_test = ":ops_wheel",
    )
    action_test(
        name = "wheel_overlay_test",
        size = "small",
        arguments = ["--package ops", "--under app/third_party", "--local-version ops.2.8.2"],
        mnemonic = "WheelOverlay",
        output = "overlaid/app-1.0+ops.2.8.2-cp311.cp312-cp311.cp312-manylinux_2_28_x86_64.whl",
        target_under_test = ":overlaid",
    )
    vllm_wheel(
        name = "as_vllm",
        base = ":app_wheel",
        deep_gemm = ":ops_wheel",
        local_version = "local.1",
        tags = ["manual"],
    )
    action_test(
        name = "vllm_wheel_test",
        size = "small",
        arguments = ["--package deep_gemm", "--under vllm/third_party", "--local-version local.1"],
        mnemonic = "WheelOverlay",
        output = "as_vllm/app-1.0+local.1-cp311.cp312-cp311.cp312-manylinux_2_28_x86_64.whl",
        target_under_test = ":as_vllm",
    )
    import_check_test(
        name = "import_check",
        extension = "_C",
        module = "ops",
        tags = ["manual"],
        wheel = ":ops_wheel",
    )
    options_test(
        name = "import_check_options_test",
        size = "small",
        options = ["--module=ops", "--extension=_C"],
        target_under_test = ":import_check",
        without = ["--skip-missing"],
    )
    options_skip_test(
        name = "import_check_skip_test",
        size = "small",
        options = ["--skip-missing"],
        target_under_test = ":import_check",
    )
    wheel_check_test(
        name = "wheel_check",
        tags = ["manual"],
        wheel = ":ops_wheel",
    )
    configuration_test(
        name = "wheel_check_configuration_test",
        size = "small",
        target_under_test = ":wheel_check",
        tool = "tools/wheel/check",
    )
    extension_wheel(
        name = "respelt_wheel",
        distribution = "Ops",
        extension = ":ops",
        package = "ops",
        python_requires = ">=3.11,<3.13",
        tags = ["manual"],
        version = "v1!2.08-RC.1+Local_01",
    )
    action_test(
        name = "respelt_version_test",
        size = "small",
        mnemonic = "ExtensionWheel",
        output = "respelt_wheel/ops-1!2.8rc1+local.1-cp311.cp312-cp311.cp312-manylinux_2_28_x86_64.whl",
        target_under_test = ":respelt_wheel",
    )
    wheel_overlay(
        name = "respelt_overlaid",
        base = ":respelt_wheel",
        local_version = "Ops_2.08",
        overlay = ":ops_wheel",
        package = "ops",
        tags = ["manual"],
    )
    action_test(
        name = "respelt_local_version_test",
        size = "small",
        arguments = ["--local-version ops.2.8"],
        mnemonic = "WheelOverlay",
        output = "respelt_overlaid/ops-1!2.8rc1+local.1.ops.2.8-cp311.cp312-cp311.cp312-manylinux_2_28_x86_64.whl",
        target_under_test = ":respelt_overlaid",
    )
    platform_wheels(
        name = "ops_wheels",
        tags = ["manual"],
        wheel = ":ops_wheel",
    )
    outputs_test(
        name = "platform_wheels_test",
        outputs = [
            "ops_wheels/ops-2.8.2-cp311.cp312-cp311.cp312-manylinux_2_28_aarch64.whl",
            "ops_wheels/ops-2.8.2-cp311.cp312-cp311.cp312-manylinux_2_28_x86_64.whl",
        ],
        target_under_test = ":ops_wheels",
    )
    tests = [
        "platform_wheels_test",
        "wheel_check_configuration_test",
        "respelt_version_test",
        "respelt_local_version_test",
        "extension_wheel_test",
        "stable_abi_wheel_test",
        "aarch64_wheel_test",
        "wheel_overlay_test",
        "vllm_wheel_test",
        "import_check_options_test",
        "import_check_skip_test",
        _refused(
            "path_without_mapping_test",
            "no entry of paths is a prefix of tests/wheel/ops_init.py in srcs",
            extension_wheel,
            srcs = ["ops_init.py"],
            distribution = "ops",
            extension = ":ops",
            package = "ops",
            paths = {"tests/whee": "ops"},
            version = "1",
        ),
        _refused(
            "not_a_version_test",
            "version is '2.8.x'; expected a version (PEP 440)",
            extension_wheel,
            distribution = "ops",
            extension = ":ops",
            package = "ops",
            version = "2.8.x",
        ),
        _refused(
            "not_a_distribution_test",
            "distribution is '_ops'; expected letters and digits",
            extension_wheel,
            distribution = "_ops",
            extension = ":ops",
            package = "ops",
            version = "1",
        ),
        _refused(
            "not_a_platform_test",
            "platform is 'manylinux-2-28'; expected a platform tag",
            extension_wheel,
            distribution = "ops",
            extension = ":ops",
            package = "ops",
            platform = "manylinux-2-28",
            version = "1",
        ),
        _refused(
            "platform_of_another_cpu_test",
            "platform is manylinux_2_28_aarch64, but the target platform's CPU is x86_64",
            extension_wheel,
            distribution = "ops",
            extension = ":ops",
            package = "ops",
            platform = "manylinux_2_28_aarch64",
            version = "1",
        ),
        _refused(
            "one_wheel_for_all_platforms_test",
            "gives app.whl for",
            platform_wheels,
            wheel = "app.whl",
        ),
        _refused(
            "base_for_another_cpu_test",
            "expected wheels for one CPU",
            wheel_overlay,
            base = "app-1.0-cp38-abi3-manylinux_2_28_aarch64.whl",
            local_version = "ops.2",
            overlay = ":ops_wheel",
            package = "ops",
        ),
        _refused(
            "not_a_local_version_test",
            "local_version is 'ops+2'; expected letters and digits",
            wheel_overlay,
            base = ":ops_wheel",
            local_version = "ops+2",
            overlay = ":ops_wheel",
            package = "ops",
        ),
        _refused(
            "not_an_extension_test",
            "does not have mandatory providers",
            extension_wheel,
            distribution = "ops",
            extension = ":ops_wheel",
            package = "ops",
            version = "1",
        ),
        _refused(
            "base_without_a_wheels_name_test",
            "base is the file ops_init.py; expected a wheel's name",
            wheel_overlay,
            base = "ops_init.py",
            local_version = "ops.2",
            overlay = ":ops_wheel",
            package = "ops",
        ),
        _refused(
            "overlay_without_a_wheels_name_test",
            "overlay is the file ops_init.py; expected a wheel's name",
            wheel_overlay,
            base = ":ops_wheel",
            local_version = "ops.2",
            overlay = "ops_init.py",
            package = "ops",
        ),
    ]
    native.test_suite(name = name, tests = tests)
