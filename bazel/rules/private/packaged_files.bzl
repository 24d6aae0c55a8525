"""Collects the files of `srcs` of a wheel: those of the targets, their data, and those of their dependencies."""

load("@rules_python//python:py_info.bzl", "PyInfo")
load("//bazel/rules:providers.bzl", "ExtensionInfo")

visibility(["//bazel/rules/private", "//tests/..."])

PackagedFilesInfo = provider(
    doc = "The files of a target that belong into a wheel.",
    fields = {"files": "depset of File"},
)

def _targets(ctx, attribute):
    """The targets of an attribute that other rules have as a list of labels."""
    found = getattr(ctx.rule.attr, attribute, None)
    return found if type(found) == "list" else []

def _packaged_files_impl(target, ctx):
    # extension_wheel packs extensions for every CPython, under their own paths.
    if ExtensionInfo in target:
        return [PackagedFilesInfo(files = depset())]

    # A Python target of another repository is another distribution, such as `@pip//numpy`: the wheel requires it.
    deps = [
        dep
        for dep in _targets(ctx, "deps")
        if PyInfo in dep and dep.label.repo_name == target.label.repo_name
    ]
    gathered = deps + (_targets(ctx, "srcs") if ctx.rule.kind == "filegroup" else [])
    data = [datum for datum in _targets(ctx, "data") if ExtensionInfo not in datum]
    return [PackagedFilesInfo(files = depset(transitive = [
        target[DefaultInfo].files
        for target in [target] + data
    ] + [each[PackagedFilesInfo].files for each in gathered if PackagedFilesInfo in each]))]

packaged_files = aspect(
    implementation = _packaged_files_impl,
    doc = "Collects the files, the `data` and the `deps` of a target.",
    attr_aspects = ["deps", "srcs"],
)

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

def path_in_project(file, project):
    """The path of a file below the directory of pyproject.toml.

    Args:
        file: File.
        project: File of pyproject.toml; None without one.

    Returns:
        string; the path below the file's repository for a file that is elsewhere.
    """
    path = _repository_path(file)
    if not project or file.owner.repo_name != project.owner.repo_name:
        return path
    return path.removeprefix(_repository_path(project).removesuffix(project.basename))

def packaged_sources(ctx):
    """The files of the attribute `srcs` and their paths in the wheel, which `paths` can change.

    Args:
        ctx: The context of a rule with the attributes `srcs`, `paths` and `pyproject`.

    Returns:
        list of (string, File).
    """
    sources = []
    for target in ctx.attr.srcs:
        # Bazel applies no aspect to a source file.
        info = target[PackagedFilesInfo] if PackagedFilesInfo in target else target[DefaultInfo]
        for file in info.files.to_list():
            path = _repository_path(file)
            if file.is_directory:
                fail("{}: srcs has the directory {}; expected files: list them one by one".format(ctx.label, path))
            mapped = _mapped(path, ctx.attr.paths) if ctx.attr.paths else path_in_project(file, ctx.file.pyproject)
            if mapped == None:
                fail("{}: no entry of paths is a prefix of {} in srcs; expected one of {} to be: add one".format(
                    ctx.label,
                    path,
                    ", ".join(["'{}'".format(prefix) for prefix in ctx.attr.paths]),
                ))
            sources.append((mapped, file))
    return {source: None for source in sources}.keys()

def packaged_licenses(ctx):
    """The files of the attribute `license_files` and their paths below `.dist-info/licenses`.

    Args:
        ctx: The context of a rule with the attributes `license_files`, `paths` and `pyproject`.

    Returns:
        list of (string, File).
    """
    return [
        (_mapped(_repository_path(file), ctx.attr.paths) or path_in_project(file, ctx.file.pyproject), file)
        for file in ctx.files.license_files
    ]
