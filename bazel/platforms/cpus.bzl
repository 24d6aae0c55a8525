"""The CPUs that this ruleset builds for, and the names that follow from each. bazel/fetch/platforms.py has the same."""

visibility(["//bazel/...", "//tests/..."])

# A key is the CPU's name in @platforms//cpu, in platform tags of wheels and in `uname -m`. Of each CPU:
# - debian: the name of Debian's architecture;
# - loader: the file name of glibc's dynamic loader;
# - triplet: Debian's multiarch tuple, which is also the platform part of an extension's SOABI.
CPUS = {
    "x86_64": struct(
        debian = "amd64",
        loader = "ld-linux-x86-64.so.2",
        triplet = "x86_64-linux-gnu",
    ),
    "aarch64": struct(
        debian = "arm64",
        loader = "ld-linux-aarch64.so.1",
        triplet = "aarch64-linux-gnu",
    ),
}

# Names of a machine's CPU, as Java has them, that are not keys of CPUS.
_OTHER_NAMES = {"amd64": "x86_64", "arm64": "aarch64"}

def machine_cpu(ctx):
    """The CPU of the machine that Bazel runs on, for repository rules and module extensions.

    Args:
        ctx: the context.

    Returns:
        A key of CPUS; another string where the CPU is none of them.
    """
    return _OTHER_NAMES.get(ctx.os.arch, ctx.os.arch)

def for_cpu(name, cpu, separator = "-"):
    """The name of a file or repository that exists once for each CPU: `gcc` for x86-64, `gcc-aarch64` for aarch64.

    Args:
        name: string.
        cpu: string, a key of CPUS.
        separator: string. Default: "-".

    Returns:
        string.
    """
    return name if cpu == "x86_64" else name + separator + cpu

# Attributes of a rule that calls `target_cpu`.
CPU_ATTRS = {
    "_cpus": attr.label_list(
        default = [Label("@platforms//cpu:" + cpu) for cpu in CPUS],
        providers = [platform_common.ConstraintValueInfo],
    ),
}

def target_cpu(ctx):
    """The CPU of the target platform; an analysis error where it is none of CPUS.

    Args:
        ctx: the context of a rule with CPU_ATTRS.

    Returns:
        A key of CPUS, such as "aarch64".
    """
    for cpu, constraint in zip(CPUS, ctx.attr._cpus):
        if ctx.target_platform_has_constraint(constraint[platform_common.ConstraintValueInfo]):
            return cpu
    fail(("{}: the target platform's CPU is none of {}; set --platforms to one that has one of them, such as " +
          "@rules_deepgemm//bazel/platforms:linux_x86_64").format(
        ctx.label,
        ", ".join(["@platforms//cpu:" + cpu for cpu in CPUS]),
    ))
