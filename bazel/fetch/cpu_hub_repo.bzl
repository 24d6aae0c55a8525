"""Repository rule: one name for targets whose repository depends on the CPU of the target platform."""

load("//bazel/platforms:cpus.bzl", "CPUS", "machine_cpu")
load(":host_python.bzl", "apparent_name")

visibility(["//bazel/..."])

def write_hub(rctx, aliases):
    """Writes the BUILD file of a repository of aliases.

    Args:
        rctx: the repository context.
        aliases: dict from the name of each alias to a tuple: a dict from a CPU to a label, and the error for another CPU.
    """
    rctx.template("BUILD.bazel", Label(":hub.BUILD.bazel"), executable = False, substitutions = {
        "{ALIASES}": repr({
            name: ({"@platforms//cpu:" + cpu: label for cpu, label in targets.items()}, error)
            for name, (targets, error) in aliases.items()
        }),
    })

def _cpu_hub_repo_impl(rctx):
    machine = machine_cpu(rctx)
    cpus = [machine] if rctx.attr.machine_only else CPUS.keys()
    error = "@{} is for {}; expected a target platform with {}: {}".format(
        apparent_name(rctx),
        "this machine's CPU, " + machine if rctx.attr.machine_only else " and ".join(cpus),
        " or ".join(["@platforms//cpu:" + cpu for cpu in cpus]),
        rctx.attr.remedy,
    )
    write_hub(rctx, {
        name: ({cpu: actual.replace("{cpu}", cpu) for cpu in cpus}, error)
        for name, actual in rctx.attr.aliases.items()
    })

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
