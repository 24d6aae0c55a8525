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

load("@deepgemm_pythons//:versions.bzl", "REQUIRES_PYTHON")
load("//bazel/platforms:cpus.bzl", "CPU_ATTRS", "target_cpu")
load("//bazel/rules:providers.bzl", "ExtensionInfo")
load(":pep440.bzl", "normalized_version")
load(":wheel_names.bzl", "normalized_attribute", "normalized_name", "platform_cpu", "platform_tag")

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

def _repository_path(file):
    """The path of a file below the root of its repository, generated or not."""
    path = file.short_path
    return path.split("/", 2)[2] if path.startswith("../") else path

def _mapped(path, paths):
    """`path` with the longest prefix that is a key of `paths` replaced; None if no key is a prefix of it."""
    prefixes = [prefix for prefix in paths if not prefix or (path + "/").startswith(prefix.removesuffix("/") + "/")]
    if not prefixes:
        return None
    prefix = sorted(prefixes, key = len)[-1]
    rest = path[len(prefix):].removeprefix("/")
    return "/".join([part for part in (paths[prefix].removesuffix("/"), rest) if part])

def _path_in_wheel(ctx, file):
    path = _repository_path(file)
    if file.is_directory:
        fail("{}: srcs has the directory {}; expected files: list them one by one".format(ctx.label, path))
    mapped = _mapped(path, ctx.attr.paths) if ctx.attr.paths else path
    if mapped == None:
        fail("{}: no entry of paths is a prefix of {} in srcs; expected one of {} to be: add one".format(
            ctx.label,
            path,
            ", ".join(["'{}'".format(prefix) for prefix in ctx.attr.paths]),
        ))
    return mapped

def _python_and_abi_tag(info):
    if info.py_limited_api:
        return "cp{}-abi3".format(info.py_limited_api.replace(".", ""))
    return "{0}-{0}".format(".".join(info.files.keys()))

def _platform(ctx):
    cpu = target_cpu(ctx)
    if not ctx.attr.platform:
        return "manylinux_2_28_" + cpu
    platform = normalized_attribute(ctx, "platform", platform_tag, "a platform tag such as manylinux_2_28_x86_64")
    if platform_cpu(platform) != cpu:
        fail("{}: platform is {}, but the target platform's CPU is {}; expected a tag that ends in _{}: {}".format(
            ctx.label,
            platform,
            cpu,
            cpu,
            "leave platform out, or build for that CPU with --platforms",
        ))
    return platform

def _project_url(item):
    return "{}, {}".format(item[0], item[1])

def _extension_wheel_impl(ctx):
    info = ctx.attr.extension[ExtensionInfo]
    torch = ["torch==" + info.torch.version.partition("+")[0]] if ctx.attr.require_torch else []
    wheel = ctx.actions.declare_file("{}/{}-{}-{}-{}.whl".format(
        ctx.label.name,
        normalized_attribute(ctx, "distribution", normalized_name, "letters and digits, with -, _ or . between them"),
        normalized_attribute(ctx, "version", normalized_version, "a version (PEP 440) such as 2.8.2"),
        _python_and_abi_tag(info),
        _platform(ctx),
    ))

    args = ctx.actions.args()
    args.use_param_file("@%s", use_always = True)
    args.set_param_file_format("multiline")
    args.add("--out", wheel)
    args.add("--distribution", ctx.attr.distribution)
    args.add("--requires-python=" + ctx.attr.python_requires)
    args.add_all(ctx.attr.requires + torch, format_each = "--requires=%s")
    args.add("--summary=" + ctx.attr.summary)
    args.add("--license-expression=" + ctx.attr.license)
    args.add_all(ctx.attr.project_urls.items(), format_each = "--project-url=%s", map_each = _project_url)
    for file in ctx.files.srcs:
        args.add("--file={}={}".format(_path_in_wheel(ctx, file), file.path))
    for library in info.files.values():
        args.add("--file={}/{}={}".format(ctx.attr.package, library.basename, library.path))
    for target, path in ctx.attr.directories.items():
        args.add_all(
            target[DefaultInfo].files,
            map_each = _path_in_directory,
            format_each = "--file={}/%s".format(path),
        )
    for file in ctx.files.license_files:
        path = _repository_path(file)
        args.add("--license={}={}".format(_mapped(path, ctx.attr.paths) or path, file.path))

    ctx.actions.run(
        executable = ctx.executable._build,
        arguments = [args],
        inputs = ctx.files.srcs + ctx.files.directories + info.files.values() + ctx.files.license_files,
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
    attrs = CPU_ATTRS | {
        "directories": attr.label_keyed_string_dict(
            doc = "Targets whose outputs are directories, from each to the directory of the wheel that its files go into. " +
                  "`deepgemm_wheel` puts kernels there. Default: none.",
        ),
        "distribution": attr.string(
            doc = "The name of the distribution, as pip lists it; the wheel's file name has it normalized.",
            mandatory = True,
        ),
        "extension": attr.label(
            doc = "The extension module: a `torch_extension` or `deepgemm_extension`.",
            mandatory = True,
            providers = [ExtensionInfo],
        ),
        "license": attr.string(
            doc = "The SPDX expression of everything that is in the wheel, such as `MIT AND BSD-3-Clause`. An invalid one " +
                  "fails the build. Default: the wheel states none.",
        ),
        "license_files": attr.label_list(
            doc = "Licence files (PEP 639). They go into `.dist-info/licenses` under their paths in their repositories, or " +
                  "under those that `paths` gives them. Default: none.",
            allow_files = True,
        ),
        "package": attr.string(
            doc = "The wheel's directory for the libraries of the extension, such as `deep_gemm`, or `a/b` for the " +
                  "package `a.b`.",
            mandatory = True,
        ),
        "paths": attr.string_dict(
            doc = "Where files of `srcs` go: maps the path of a file or directory in its repository to a path in the wheel. " +
                  "The longest key that is a prefix of a file's path applies; a file without such a key is an error. " +
                  "Default: files keep their paths.",
        ),
        "platform": attr.string(
            doc = "The platform tag (PEP 600); `wheel_check_test` compares the libraries with it. " +
                  "A tag for another CPU than the target platform's is an analysis error. Default: `manylinux_2_28_` and " +
                  "the target platform's CPU, `x86_64` or `aarch64`.",
        ),
        "project_urls": attr.string_dict(
            doc = "Labels and addresses of the project, such as `{\"Source\": \"https://…\"}`. Default: none.",
        ),
        "python_requires": attr.string(
            doc = "Requires-Python (PEP 440). It must admit exactly the Pythons of the extension. Default: the specifier of " +
                  "the `pythons` module extension.",
            default = REQUIRES_PYTHON,
        ),
        "require_torch": attr.bool(
            doc = "Whether the wheel requires exactly the torch that the extension was compiled against. torch's C++ ABI " +
                  "changes from release to release. Default: True.",
            default = True,
        ),
        "requires": attr.string_list(
            doc = "Further requirements (PEP 508), such as `numpy>=2`. An invalid one fails the build. Default: none.",
        ),
        "srcs": attr.label_list(
            doc = "The package's files: Python files, and the data that they read. A directory is an error. Default: none, a " +
                  "wheel with only the libraries.",
            allow_files = True,
        ),
        "summary": attr.string(
            doc = "One line that says what the wheel is. Default: none.",
        ),
        "version": attr.string(
            doc = "The version (PEP 440), such as `2.8.2`; the wheel has it normalized. An invalid one is an error.",
            mandatory = True,
        ),
        "_build": attr.label(
            default = "//tools/wheel:build",
            cfg = "exec",
            executable = True,
        ),
    },
)
