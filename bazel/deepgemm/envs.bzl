"""envs.py of DeepGEMM's package, which DeepGEMM's own build generates: defaults for variables of the environment."""

visibility([
    "//bazel/deepgemm",
    "//tests/deepgemm",
])

# The variables that DeepGEMM's setup.py takes over from its environment.
_PERSISTENT = ["DG_JIT_CACHE_DIR", "DG_JIT_PRINT_COMPILER_COMMAND", "DG_JIT_CPP_STANDARD"]

ENVS = attr.string_dict(
    doc = "Defaults for DG_JIT_CACHE_DIR, DG_JIT_PRINT_COMPILER_COMMAND and DG_JIT_CPP_STANDARD where the user's " +
          "environment does not set them. Default: none.",
)

def envs_py(envs):
    """The text of envs.py.

    Args:
        envs: dict of string, the defaults.

    Returns:
        string; an error for another variable.
    """
    for name in envs:
        if name not in _PERSISTENT:
            fail("deepgemm: envs has {}; expected {}".format(name, " or ".join(_PERSISTENT)))
    lines = ["# Pre-installed environment variables", "persistent_envs = dict()"]
    lines += ["persistent_envs[{}] = {}".format(repr(name), repr(envs[name])) for name in sorted(envs)]
    return "\n".join(lines) + "\n"
