"""The rule extension_wheel: an extension module, compiled once per CPython, and its package, in one wheel.

It does not stand on rules_python's `py_wheel`, which cannot carry this wheel:

- it moves files by taking prefixes off their paths only, and a package that is put together from several directories
  (Python files, JIT headers, CUTLASS) needs prefixes put on;
- it writes Metadata-Version 2.1, which knows neither License-Expression nor License-File (PEP 639);
- its file names turn the `+` of a local version into `_`;
- 0.22.1, the version that Bazel 7.7.1 asks for, writes one Tag line whatever the tag, where a compressed tag such as
  `cp311.cp312-cp311.cp312-…` stands for several; and Debian's package of it leaves the tool out that writes wheels.
"""

load("@deepgemm_pythons//:versions.bzl", "REQUIRES_PYTHON")
load("//bazel/rules:providers.bzl", "ExtensionInfo")
load(":wheel_names.bzl", "normalized_name")

_DOC = """A wheel of an extension module for every CPython of the matrix, and of the package around it.

The wheel's tag names every Python that it serves, `cp311.cp312-cp311.cp312-manylinux_2_28_x86_64`, or the stable ABI. A
Python of `python_requires` for which the extension has no library fails the build, and so does a library for a Python
that `python_requires` does not admit. The same inputs give the same bytes.

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
    """The path with the longest prefix of it that `paths` has replaced, or None where it has none."""
    matching = [
        prefix
        for prefix in paths
        if not prefix or path == prefix or path.startswith(prefix.removesuffix("/") + "/")
    ]
    if not matching:
        return None
    prefix = sorted(matching, key = len)[-1]
    rest = path[len(prefix):].removeprefix("/")
    return "/".join([part for part in (paths[prefix].removesuffix("/"), rest) if part])

def _path_in_wheel(ctx, file):
    path = _repository_path(file)
    if file.is_directory:
        fail("{}: srcs has the directory {}; expected files, name them one by one".format(ctx.label, path))
    if not ctx.attr.paths:
        return path
    mapped = _mapped(path, ctx.attr.paths)
    if mapped == None:
        fail("{}: no entry of paths is a prefix of {} in srcs; expected one of {} to be. Add one.".format(
            ctx.label,
            path,
            ", ".join(["'{}'".format(prefix) for prefix in ctx.attr.paths]),
        ))
    return mapped

def _tag(info):
    """The Python and ABI tags of the wheel."""
    if info.py_limited_api:
        return "cp{}-abi3".format(info.py_limited_api.replace(".", ""))
    pythons = ".".join(info.files.keys())
    return "{0}-{0}".format(pythons)

def _extension_wheel_impl(ctx):
    info = ctx.attr.extension[ExtensionInfo]
    requires = list(ctx.attr.requires)
    if ctx.attr.require_torch:
        requires.append("torch==" + info.torch.version.partition("+")[0])

    wheel = ctx.actions.declare_file("{}/{}-{}-{}-{}.whl".format(
        ctx.label.name,
        normalized_name(ctx.attr.distribution),
        ctx.attr.version,
        _tag(info),
        ctx.attr.platform,
    ))
    args = ctx.actions.args()
    args.use_param_file("@%s", use_always = True)
    args.set_param_file_format("multiline")
    args.add("--out", wheel)
    args.add("--distribution", ctx.attr.distribution)
    args.add("--requires-python", ctx.attr.python_requires)
    args.add_all(requires, before_each = "--requires")
    args.add("--summary=" + ctx.attr.summary)
    args.add("--license-expression", ctx.attr.license)
    args.add_all(ctx.attr.project_urls.items(), before_each = "--project-url", map_each = _project_url)
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

def _project_url(item):
    return "{}, {}".format(item[0], item[1])

extension_wheel = rule(
    implementation = _extension_wheel_impl,
    doc = _DOC,
    attrs = {
        "directories": attr.label_keyed_string_dict(
            doc = "Targets whose outputs are directories, from each to the directory of the wheel that its files go into. " +
                  "`deepgemm_wheel` puts kernels there. Default: none.",
        ),
        "distribution": attr.string(
            doc = "The name of the distribution, as pip lists it; the file's name has it normalized.",
            mandatory = True,
        ),
        "extension": attr.label(
            doc = "The extension module: a `torch_extension` or `deepgemm_extension`.",
            mandatory = True,
            providers = [ExtensionInfo],
        ),
        "license": attr.string(
            doc = "The SPDX expression of everything that is in the wheel, such as `MIT AND BSD-3-Clause`. Default: " +
                  "none is stated. One that is not valid fails the build.",
        ),
        "license_files": attr.label_list(
            doc = "Licence files, which go into `.dist-info/licenses` under their paths in their repositories, or " +
                  "under those that `paths` gives them (PEP 639). Default: none.",
            allow_files = True,
        ),
        "package": attr.string(
            doc = "The directory of the wheel that the module's libraries go into, such as `deep_gemm`, or `a/b` for the " +
                  "package `a.b`.",
            mandatory = True,
        ),
        "paths": attr.string_dict(
            doc = "Where files of `srcs` go: from a path in their repository, of a file or a directory, to the path in " +
                  "the wheel that takes its place. The longest that fits counts; a file that none fits is an error. " +
                  "Default: files keep their paths.",
        ),
        "platform": attr.string(
            doc = "The platform tag (PEP 600). `wheel_check_test` proves that the libraries keep its promise.",
            default = "manylinux_2_28_x86_64",
        ),
        "project_urls": attr.string_dict(
            doc = "Labels and addresses of the project, such as `{\"Source\": \"https://…\"}`. Default: none.",
        ),
        "python_requires": attr.string(
            doc = "Requires-Python (PEP 440), which must admit exactly the Pythons of the extension. Default: the matrix's " +
                  "own, as the `pythons` module extension was given it.",
            default = REQUIRES_PYTHON,
        ),
        "require_torch": attr.bool(
            doc = "Whether the wheel requires exactly the torch that the extension was compiled against, whose C++ ABI " +
                  "changes from release to release. Default: it does.",
            default = True,
        ),
        "requires": attr.string_list(
            doc = "Further requirements (PEP 508), such as `numpy>=2`; one that cannot be read fails the build. Default: none.",
        ),
        "srcs": attr.label_list(
            doc = "The package's files: Python files, and the data that they read. A directory is an error. Default: none, " +
                  "the libraries alone.",
            allow_files = True,
        ),
        "summary": attr.string(
            doc = "One line on what the wheel is. Default: none.",
        ),
        "version": attr.string(
            doc = "The version, normalized (PEP 440), such as `2.8.2`; another fails the build.",
            mandatory = True,
        ),
        "_build": attr.label(
            default = "//tools/wheel:build",
            cfg = "exec",
            executable = True,
        ),
    },
)
