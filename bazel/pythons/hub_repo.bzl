"""The hub repository `deepgemm_pythons`: the list of CPythons, and a label for each. Nothing is fetched for it."""

load("//bazel/fetch:cpu_hub_repo.bzl", "write_hub")
load("//bazel/platforms:cpus.bzl", "CPUS")
load(":naming.bzl", "DEBIAN_LOCKS", "ONLY_VARIABLE", "python_repository", "python_tag")

visibility(["//bazel/pythons"])

_VERSIONS_BZL = '''"""The CPythons that Requires-Python admits, oldest first."""

REQUIRES_PYTHON = {requires}

# Whether $RULES_DEEPGEMM_ONLY_PYTHON left out any of them.
NARROWED = {narrowed}

# What each pyproject.toml of a tag says about name and version.
PROJECTS = {projects}

PYTHONS = [
    struct(abi = str(Label("//:" + tag)), tag = tag, version = version)
    for tag, version in {pythons}.items()
]
'''

def _no_match_error(cpus, version):
    """What Bazel says where the target platform's CPU has no source of a CPython."""
    error = "no CPython {} for the target platform's CPU".format(version)
    for cpu in [cpu for cpu in CPUS if cpu not in cpus[version]]:
        error += ". {}: no pythons.toolchain has python_version = '{}', cpu = '{}'; no pythons.registered has it; {}".format(
            cpu,
            version,
            cpu,
            "Debian's packages are {}. Register one with one of these tags".format(", ".join(DEBIAN_LOCKS[cpu])),
        )
        left = [other for other in cpus if cpu in cpus[other]]
        if left:
            error += ", or leave it out: --repo_env={}={}".format(ONLY_VARIABLE, ",".join(left))
    return error

def _hub_repo_impl(rctx):
    cpus = rctx.attr.cpus
    write_hub(rctx, {
        python_tag(version): (
            {cpu: "@{}//:python".format(python_repository(version, cpu)) for cpu in cpus[version]},
            _no_match_error(cpus, version),
        )
        for version in cpus
    })
    rctx.file("versions.bzl", _VERSIONS_BZL.format(
        narrowed = rctx.attr.narrowed,
        projects = rctx.attr.projects,
        pythons = {python_tag(version): version for version in cpus},
        requires = repr(rctx.attr.requires_python),
    ), executable = False)

hub_repo = repository_rule(
    implementation = _hub_repo_impl,
    doc = "The CPythons as a repository: `versions.bzl` for macros, `:cp312` and so on.",
    attrs = {
        "cpus": attr.string_list_dict(
            doc = "From each version, such as `3.12`, oldest first, to the CPUs for which it has a repository.",
            mandatory = True,
        ),
        "narrowed": attr.bool(doc = "Whether `cpus` has fewer CPythons than Requires-Python admits. Default: False."),
        "projects": attr.string(doc = "The dictionary PROJECTS, as Starlark writes it.", mandatory = True),
        "requires_python": attr.string(doc = "Requires-Python as it was written.", mandatory = True),
    },
)
