"""What wheel_check_test and import_check_test share: the one wheel to test, and a launcher that runs a tool on it.

A wheel for aarch64 is tested on the machine that runs Bazel, of whatever CPU. So the tools that these tests run are built for
TEST_MACHINE: the platform that executes tests.
"""

visibility(["//bazel/...", "//tests/..."])

TEST_MACHINE = config.exec(exec_group = "test")

def single_wheel(ctx):
    """The one wheel of the attribute `wheel`.

    Args:
        ctx: The rule's context.

    Returns:
        The File; an analysis error if the target has no wheel, or several.
    """
    wheels = [file for file in ctx.files.wheel if file.basename.endswith(".whl")]
    if len(wheels) != 1:
        fail("{}: wheel {} has {} files that end in .whl; expected one: name a target with one wheel".format(
            ctx.label,
            ctx.attr.wheel.label,
            len(wheels),
        ))
    return wheels[0]

def launch(ctx, options, arguments, files, transitive_files = None):
    """A test that runs the tool of the attribute `_check`.

    Args:
        ctx: The rule's context.
        options: list of string, the tool's options. They are written to a file, one a line.
        arguments: string, further arguments in sh syntax. They may contain variables of the test's environment.
        files: list of File that the tool reads.
        transitive_files: depset of File that the tool also reads. Default: none.

    Returns:
        The rule's providers.
    """
    listing = ctx.actions.declare_file(ctx.label.name + ".options")
    ctx.actions.write(listing, "\n".join(options) + "\n")
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        launcher,
        # A test starts in the directory of its runfiles, to which short paths are relative.
        "#!/bin/sh\nexec '{}' '@{}' {}\n".format(ctx.executable._check.short_path, listing.short_path, arguments),
        is_executable = True,
    )
    runfiles = ctx.runfiles(files = files + [listing], transitive_files = transitive_files)
    return [DefaultInfo(
        executable = launcher,
        runfiles = runfiles.merge(ctx.attr._check[DefaultInfo].default_runfiles),
    )]
