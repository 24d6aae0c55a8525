"""Analysis test: inputs and command lines of the hermetic compiler's actions."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")

visibility(["//tests/..."])

# The compiler, and headers of the C++ library, libc and the kernel. Bazel stages each of them for each compile action.
_MOST_INPUTS = 1400

def _is_absolute(argument):
    # A path may follow an option's letters or a sign: -I/usr, --sysroot=/, -Wl,-rpath,/lib. /proc/self/cwd is allowed:
    # Bazel's name of the working directory is the same on every machine.
    for start in ["/", "=/", ",/", "-I/", "-L/", "-B/", "-isystem/", "@/"]:
        if argument.startswith(start) if start[0] in "/-@" else start in argument:
            return not argument.startswith("-ffile-prefix-map=/proc/self/cwd=")
    return False

def _actions_test_impl(ctx):
    env = analysistest.begin(ctx)
    found = {}
    for action in analysistest.target_actions(env):
        if action.mnemonic not in ["CppCompile", "CppLink"]:
            continue
        found[action.mnemonic] = True
        paths = [argument for argument in action.argv if _is_absolute(argument)]
        asserts.equals(env, [], paths, "absolute paths in " + action.mnemonic)
        asserts.true(
            env,
            action.argv[0].endswith("deepgemm_gcc/gcc/usr/bin/gcc"),
            "{} runs {}; expected the hermetic compiler".format(action.mnemonic, action.argv[0]),
        )
        inputs = action.inputs.to_list()
        outside = [file.path for file in inputs if file.path.startswith("/")]
        asserts.equals(env, [], outside, "inputs of " + action.mnemonic)
        asserts.true(
            env,
            len(inputs) <= _MOST_INPUTS,
            "{} has {} inputs; expected at most {}".format(action.mnemonic, len(inputs), _MOST_INPUTS),
        )
        if action.mnemonic == "CppLink":
            headers = [file.path for file in inputs if "/usr/include/" in file.path]
            asserts.equals(env, [], headers, "headers among the inputs of CppLink")
    asserts.equals(env, ["CppCompile", "CppLink"], sorted(found), "actions of the target")
    return analysistest.end(env)

actions_test = analysistest.make(
    _actions_test_impl,
    doc = "The target's compile and link actions have no absolute path in their command lines, and no needless inputs.",
)
