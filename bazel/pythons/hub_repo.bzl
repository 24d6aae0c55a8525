"""The repository with the list of CPythons, for macros to load, and a toolchain for each."""

load(":naming.bzl", "python_soabi", "python_tag")

_VERSIONS_BZL = '''"""The CPythons that Requires-Python admits, oldest first."""

REQUIRES_PYTHON = {requires}

# Whether these are not all that were asked for ($RULES_DEEPGEMM_ONLY_PYTHON), and the oldest of all.
NARROWED = {narrowed}
OLDEST = {oldest}

PYTHONS = [
{pythons}
]
'''

_PYTHON = """    struct(
        version = "{version}",
        tag = "{tag}",
        soabi = "{soabi}",
        abi = str(Label("//:{tag}")),
        interpreter = {interpreter},
    ),"""

_HEADER = '''"""One python_abi and one toolchain for each CPython that Requires-Python admits."""

package(default_visibility = ["//visibility:public"])

exports_files(["versions.bzl"])
'''

def _hub_repo_impl(rctx):
    pythons = []
    build = [_HEADER]
    template = rctx.read(rctx.attr._template)
    for version, abi in rctx.attr.abis.items():
        tag = python_tag(version)
        pythons.append(_PYTHON.format(
            interpreter = version not in rctx.attr.without_interpreter,
            soabi = python_soabi(version),
            tag = tag,
            version = version,
        ))
        part = template
        for key, value in {
            "ABI": abi,
            "FLAG": str(rctx.attr._flag),
            "TAG": tag,
            "TOOLCHAIN_TYPE": str(rctx.attr._toolchain_type),
            "VERSION": version,
        }.items():
            part = part.replace("{" + key + "}", value)
        build.append(part)
    rctx.file("BUILD.bazel", "\n".join(build), executable = False)
    rctx.file("versions.bzl", _VERSIONS_BZL.format(
        narrowed = rctx.attr.narrowed,
        oldest = repr(rctx.attr.oldest),
        pythons = "\n".join(pythons),
        requires = repr(rctx.attr.requires_python),
    ), executable = False)

hub_repo = repository_rule(
    implementation = _hub_repo_impl,
    doc = "The matrix as a repository: `versions.bzl` for macros, `:cp312` and `:cp312_toolchain` for each CPython.",
    attrs = {
        "abis": attr.string_dict(
            doc = "From each version, such as `3.12`, oldest first, to its `python_abi` target's label.",
            mandatory = True,
        ),
        "narrowed": attr.bool(doc = "Whether `abis` has fewer CPythons than were asked for."),
        "oldest": attr.string(doc = "The oldest CPython that was asked for, such as `3.11`.", mandatory = True),
        "requires_python": attr.string(doc = "Requires-Python as it was written.", mandatory = True),
        "without_interpreter": attr.string_list(doc = "The versions that have headers only."),
        "_flag": attr.label(default = ":python_version"),
        "_template": attr.label(default = ":hub.BUILD.tpl"),
        "_toolchain_type": attr.label(default = ":toolchain_type"),
    },
)
