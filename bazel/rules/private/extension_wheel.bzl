"""The rule extension_wheel: an extension module, compiled once per CPython, and its package, in one wheel.

rules_python's `py_wheel` cannot write this wheel. Read on 2026-11-25 in its release 2.3.2 and in 0.22.1, which Bazel 7.7.1
resolves to:

- Both write Metadata-Version 2.1 with `License:`, without License-Expression and License-File (PEP 639).
- Both write one `Tag:` line into WHEEL. A compressed tag such as `cp311.cp312-cp311.cp312-…` needs one line for each tag
  that it stands for (the binary distribution format, "File contents").
- Both take prefixes off the files' paths; 2.x also puts one prefix on, the same for all files. A package out of several
  directories needs one for each, and licences a place of their own.
- Neither compares the extension modules with Requires-Python.
- 0.22.1 also turns the `+` of a local version into `_`, which 2.x keeps; and Debian's package of it lacks the program that
  writes wheels.
"""

load("//bazel/platforms:cpus.bzl", "CPU_ATTRS", "target_cpu")
load("//bazel/rules:providers.bzl", "ExtensionInfo")
load("//bazel/rules:wheel_names.bzl", "normalized_attribute", "platform_cpu", "platform_tag")
load(":packaged_files.bzl", "packaged_files", "packaged_licenses", "packaged_sources")
load(":wheel_extensions.bzl", "gather_extensions")
load(":wheel_metadata.bzl", "METADATA_ATTRS", "add_metadata")

visibility(["//bazel/...", "//tests/..."])

_DOC = """A wheel of an extension module for every CPython of the matrix, and of the package around it.

The wheel's tag names every Python that it serves, `cp311.cp312-cp311.cp312-manylinux_2_28_x86_64`, or the stable ABI. The
build fails if the extension lacks a library for a Python that `python_requires` admits, or has one for another Python. The
same inputs give the same bytes.

```starlark
torch_extension(
    name = "my_ops_C",
    srcs = ["my_ops.cc"],
)

extension_wheel(
    name = "my_ops_wheel",
    srcs = ["my_ops/__init__.py"],
    distribution = "my_ops",
    extension = ":my_ops_C",
    license_files = ["LICENSE"],
    package = "my_ops",
    version = "1.0",
)
```

The output is `<name>/<distribution>-<version>-<tag>.whl`.
"""

# The directories of `.data`, and where installers put their files (the binary distribution format).
_SCHEMES = ["data", "headers", "platlib", "purelib", "scripts"]

def _named(ctx, attribute):
    """The paths of a label_keyed_string_dict, each with the one file of its target."""
    files = []
    for target, path in getattr(ctx.attr, attribute).items():
        found = target[DefaultInfo].files.to_list()
        if len(found) != 1:
            fail("{}: {} has {}, a target with {} files; expected one file".format(
                ctx.label,
                attribute,
                target.label,
                len(found),
            ))
        files.append((path, found[0]))
    return files

def _platform(ctx):
    cpu = target_cpu(ctx)
    if not ctx.attr.platform:
        return "manylinux_2_28_" + cpu
    platform = normalized_attribute(ctx, "platform", platform_tag, "a platform tag such as manylinux_2_28_x86_64")
    if platform_cpu(platform) != cpu:
        fail(("{0}: platform is {1}, but the target platform's CPU is {2}; expected a tag that ends in _{2}: " +
              "leave platform out, or build for that CPU with --platforms").format(ctx.label, platform, cpu))
    return platform

def _extension_wheel_impl(ctx):
    extensions = gather_extensions(ctx)
    args = ctx.actions.args()
    args.use_param_file("@%s", use_always = True)
    args.set_param_file_format("multiline")
    about = add_metadata(ctx, args, extensions.torch)
    wheel = ctx.actions.declare_file("{}/{}-{}-{}-{}.whl".format(
        ctx.label.name,
        about.distribution,
        about.version,
        extensions.tag,
        _platform(ctx),
    ))
    args.add("--out", wheel)

    inputs = about.inputs + ctx.files.directories
    for option, files in [
        ("--file", packaged_sources(ctx) + extensions.files.items()),
        ("--license", packaged_licenses(ctx)),
        ("--data", _named(ctx, "data_files")),
        ("--dist-info", _named(ctx, "extra_distinfo_files")),
    ]:
        for path, file in files:
            args.add("{}={}={}".format(option, path, file.path))
            inputs.append(file)
    for path in ctx.attr.data_files.values():
        if path.partition("/")[0] not in _SCHEMES:
            fail("{}: data_files has the path {}; expected one that begins with {}/".format(
                ctx.label,
                path,
                "/, ".join(_SCHEMES),
            ))
    for target, path in ctx.attr.directories.items():
        args.add_all(
            target[DefaultInfo].files,
            map_each = _path_in_directory,
            format_each = "--file={}/%s".format(path),
        )
    ctx.actions.run(
        executable = ctx.executable._build,
        arguments = [args],
        inputs = inputs,
        outputs = [wheel],
        mnemonic = "ExtensionWheel",
        progress_message = "Packing %{label}",
    )
    return [DefaultInfo(files = depset([wheel]))]

def _path_in_directory(file):
    return "{}={}".format(file.tree_relative_path, file.path)

extension_wheel = rule(
    implementation = _extension_wheel_impl,
    doc = _DOC,
    attrs = METADATA_ATTRS | CPU_ATTRS | {
        "data_files": attr.label_keyed_string_dict(
            doc = "Files for `.data`, from each to its path there: `scripts/…`, `data/…`, `headers/…`, `platlib/…` or " +
                  "`purelib/…`. pip makes scripts executable. Another path is an error. Default: none.",
            allow_files = True,
        ),
        "directories": attr.label_keyed_string_dict(
            doc = "Targets whose outputs are directories, from each to the directory of the wheel that its files go into. " +
                  "`deepgemm_wheel` puts kernels there. Default: none.",
        ),
        "extension": attr.label(
            doc = "The extension: a `torch_extension` or `deepgemm_extension`. One is needed, here or in `extensions`.",
            providers = [ExtensionInfo],
        ),
        "extensions": attr.label_list(
            doc = "Further extensions. All must be for the same CPythons and compiled against the same torch, and no two " +
                  "may have a file of one path. With an extension for each CPython, one for the stable ABI must serve all " +
                  "of these CPythons. Default: none.",
            providers = [ExtensionInfo],
        ),
        "extra_distinfo_files": attr.label_keyed_string_dict(
            doc = "Files for `.dist-info`, from each to its path there. A file that the wheel has anyway, such as METADATA " +
                  "or entry_points.txt, fails the build. Default: none.",
            allow_files = True,
        ),
        "license_files": attr.label_list(
            doc = "Licence files (PEP 639). They go into `.dist-info/licenses` under their paths, which `paths` can change. " +
                  "Each pattern of `license-files` in `pyproject` must match one of them, or the build fails. Default: none.",
            allow_files = True,
        ),
        "package": attr.string(
            doc = "The wheel's directory for the libraries of each extension that does not say its `package`, such as " +
                  "`deep_gemm`, or `a/b` for the package `a.b`. Default: none; every extension must say its own.",
        ),
        "paths": attr.string_dict(
            doc = "Where files of `srcs` go: maps the path of a file or directory in its repository to a path in the wheel. " +
                  "The longest key that is a prefix of a file's path applies; a file without such a key is an error. " +
                  "Default: files keep their paths, below the directory of `pyproject` if they are there.",
        ),
        "platform": attr.string(
            doc = "The platform tag (PEP 600); `wheel_check_test` compares the libraries with it. " +
                  "A tag for another CPU than the target platform's is an analysis error. Default: `manylinux_2_28_` and " +
                  "the target platform's CPU, `x86_64` or `aarch64`.",
        ),
        "srcs": attr.label_list(
            doc = "The package's files: Python files, and the data that they read. A `py_library` brings its `data`, and the " +
                  "`deps` of its own repository with their data; `deps` of other repositories, such as `@pip//numpy`, are " +
                  "requirements and stay out. A directory is an error. Default: none, a wheel with only the libraries.",
            allow_files = True,
            aspects = [packaged_files],
        ),
        "_build": attr.label(
            default = "//tools/wheel:build",
            cfg = "exec",
            executable = True,
        ),
    },
)
