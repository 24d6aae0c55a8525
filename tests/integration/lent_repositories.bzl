"""The rule lent_repositories: which of the outer Bazel's external repositories inner builds may use."""

def _lent_repositories_impl(ctx):
    names = [dep.label.repo_name for dep in ctx.attr.deps]
    out = ctx.actions.declare_file(ctx.label.name + ".txt")
    ctx.actions.write(out, "".join([name + "\n" for name in names]))
    return [DefaultInfo(files = depset([out]))]

lent_repositories = rule(
    implementation = _lent_repositories_impl,
    doc = "Fetches the repositories of some targets and writes their canonical names into a file, for " +
          "`bazel_in_bazel.lent_repositories`. Nothing of them is built or becomes an input of the test: what is in " +
          "them follows from files of the checkout, which is one.",
    attrs = {
        "deps": attr.label_list(
            doc = "One target of each repository.",
            mandatory = True,
        ),
    },
)
