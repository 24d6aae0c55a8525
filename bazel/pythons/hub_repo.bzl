"""The hub repository `deepgemm_pythons`: the list of CPythons, and a label for each. Nothing is fetched for it."""

load(":naming.bzl", "python_tag")

visibility(["//bazel/pythons"])

_VERSIONS_BZL = '''"""The CPythons that Requires-Python admits, oldest first."""

REQUIRES_PYTHON = {requires}

# Whether $RULES_DEEPGEMM_ONLY_PYTHON left only one of them.
NARROWED = {narrowed}

PYTHONS = [
{pythons}
]
'''

_PYTHON = """    struct(
        version = "{version}",
        tag = "{tag}",
        abi = str(Label("//:{tag}")),
    ),"""

_HEADER = '''"""One python_abi for each CPython that Requires-Python admits."""

package(default_visibility = ["//visibility:public"])

exports_files(["versions.bzl"])
'''

_ALIAS = """
# {version}
alias(
    name = "{tag}",
    actual = "{abi}",
)
"""

def _hub_repo_impl(rctx):
    pythons, build = [], _HEADER
    for version, abi in rctx.attr.abis.items():
        tag = python_tag(version)
        pythons.append(_PYTHON.format(tag = tag, version = version))
        build += _ALIAS.format(abi = abi, tag = tag, version = version)
    rctx.file("BUILD.bazel", build, executable = False)
    rctx.file("versions.bzl", _VERSIONS_BZL.format(
        narrowed = rctx.attr.narrowed,
        pythons = "\n".join(pythons),
        requires = repr(rctx.attr.requires_python),
    ), executable = False)

hub_repo = repository_rule(
    implementation = _hub_repo_impl,
    doc = "The CPythons as a repository: `versions.bzl` for macros, `:cp312` and so on.",
    attrs = {
        "abis": attr.string_dict(
            doc = "From each version, such as `3.12`, oldest first, to its `python_abi` target's label.",
            mandatory = True,
        ),
        "narrowed": attr.bool(doc = "Whether `abis` has fewer CPythons than Requires-Python admits. Default: False."),
        "requires_python": attr.string(doc = "Requires-Python as it was written.", mandatory = True),
    },
)
