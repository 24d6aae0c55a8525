"""What wheel_check_test and import_check_test share: one wheel, and a launcher that gives a tool its options."""

visibility(["//bazel/...", "//tests/..."])

def single_wheel(ctx):
    """The one wheel of the attribute `wheel`.

    Args:
        ctx: The rule's context.

    Returns:
        The File; an analysis error where the target has none, or several.
    """
    wheels = [file for file in ctx.files.wheel if file.basename.endswith(".whl")]
    if len(wheels) != 1:
        fail("{}: wheel {} has {} files that end in .whl; expected one".format(
            ctx.label,
            ctx.attr.wheel.label,
            len(wheels),
        ))
    return wheels[0]

def launch(ctx, options, arguments, files, transitive_files = None):
    """A test that runs the tool of the attribute `_check`.

    Args:
        ctx: The rule's context.
        options: The tool's options, one a string; they travel in a file.
        arguments: Further arguments, as sh reads them: they may name variables of the test's environment.
        files: list of File that the tool reads.
        transitive_files: depset of File that it reads, too.

    Returns:
        The rule's providers.
    """
    listing = ctx.actions.declare_file(ctx.label.name + ".options")
    ctx.actions.write(listing, "\n".join(options) + "\n")
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        launcher,
        # Tests start in their runfiles, to which short paths are relative.
        "#!/bin/sh\nexec '{}' '@{}' {}\n".format(ctx.executable._check.short_path, listing.short_path, arguments),
        is_executable = True,
    )
    runfiles = ctx.runfiles(files = files + [listing], transitive_files = transitive_files)
    return [DefaultInfo(
        executable = launcher,
        runfiles = runfiles.merge(ctx.attr._check[DefaultInfo].default_runfiles),
    )]
