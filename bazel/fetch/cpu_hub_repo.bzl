"""Repository rule: one name for targets whose repository depends on the CPU of the target platform."""

load("//bazel/platforms:cpus.bzl", "CPUS", "machine_cpu")
load(":host_python.bzl", "apparent_name")

visibility(["//bazel/..."])

_ALIAS = """
alias(
    name = {name},
    actual = select(
        {choices},
        no_match_error = {error},
    ),
)
"""

def _cpu_hub_repo_impl(rctx):
    machine = machine_cpu(rctx)
    cpus = [machine] if rctx.attr.machine_only else CPUS.keys()
    error = "@{} is for {}; expected a target platform with {}: {}".format(
        apparent_name(rctx),
        "this machine's CPU, " + machine if rctx.attr.machine_only else " and ".join(cpus),
        " or ".join(["@platforms//cpu:" + cpu for cpu in cpus]),
        rctx.attr.remedy,
    )
    rctx.file("BUILD.bazel", "package(default_visibility = [\"//visibility:public\"])\n" + "".join([
        _ALIAS.format(
            name = repr(name),
            choices = repr({"@platforms//cpu:" + cpu: actual.replace("{cpu}", cpu) for cpu in cpus}),
            error = repr(error),
        )
        for name, actual in rctx.attr.aliases.items()
    ]), executable = False)

cpu_hub_repo = repository_rule(
    implementation = _cpu_hub_repo_impl,
    doc = "Aliases of targets that differ by CPU. Bazel fetches only the repository of the target platform's CPU.",
    attrs = {
        "aliases": attr.string_dict(
            doc = "From each alias to the label that it stands for, with `{cpu}` for the CPU.",
            mandatory = True,
        ),
        "machine_only": attr.bool(
            doc = "Whether only the CPU of this machine has a target. Default: False, every CPU of bazel/platforms.",
        ),
        "remedy": attr.string(
            doc = "What to do about a target platform of another CPU, for the error.",
            default = "set --platforms",
        ),
    },
)
