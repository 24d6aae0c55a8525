"""The rule outer_repositories: external repositories of the outer Bazel that inner builds use instead of fetching."""

visibility(["//tests/..."])

def _outer_repositories_impl(ctx):
    names = [dep.label.repo_name for dep in ctx.attr.deps]
    out = ctx.actions.declare_file(ctx.label.name + ".txt")
    ctx.actions.write(out, "".join([name + "\n" for name in names]))
    return [DefaultInfo(files = depset([out]))]

outer_repositories = rule(
    implementation = _outer_repositories_impl,
    doc = "Fetches the repositories of some targets and writes their canonical names into a file, for " +
          "`bazel_in_bazel.outer_repositories`. Nothing in them is built or becomes an input of the test: their " +
          "contents follow from the checkout, which is an input.",
    attrs = {
        "deps": attr.label_list(
            doc = "One target of each repository.",
            mandatory = True,
        ),
    },
)
