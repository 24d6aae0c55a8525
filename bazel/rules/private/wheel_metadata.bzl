"""The attributes of extension_wheel that METADATA and entry_points.txt follow from."""

load("@deepgemm_pythons//:versions.bzl", "NARROWED", "PROJECTS", "REQUIRES_PYTHON")
load("//bazel/pythons:pep440.bzl", "normalized_version")
load("//bazel/rules:wheel_names.bzl", "normalized_name")
load(":packaged_files.bzl", "path_in_project")

visibility(["//bazel/rules/private", "//tests/..."])

METADATA_ATTRS = {
    "author": attr.string(doc = "The author's name. Default: that of `pyproject`."),
    "author_email": attr.string(doc = "The author's address. Default: that of `pyproject`."),
    "classifiers": attr.string_list(doc = "Classifiers, such as `Private :: Do Not Upload`. Default: those of `pyproject`."),
    "description_content_type": attr.string(
        doc = "The type of `description_file`. Default: what `pyproject` says of that file, else `text/markdown`, " +
              "`text/x-rst` or `text/plain` by its suffix `.md`, `.rst` or `.txt`; another suffix fails the build.",
    ),
    "description_file": attr.label(
        doc = "The readme. A readme that `pyproject` names must be given here, too, or the build fails. Default: none.",
        allow_single_file = True,
    ),
    "distribution": attr.string(
        doc = "The name of the distribution, as pip lists it; the wheel's file name has it normalized. Default: that of " +
              "`pyproject`.",
    ),
    "download_url": attr.string(doc = "Download-URL, an old form of `project_urls` (PEP 753). Default: none."),
    "empty_fields": attr.string_list(
        doc = "Fields that `pyproject` has in `dynamic` and to which this wheel adds nothing, such as `dependencies`. A " +
              "field in `dynamic` that neither this nor its own attribute names fails the build. Default: none.",
    ),
    "entry_points": attr.string_list_dict(
        doc = "Entry points by their groups, such as `{\"console_scripts\": [\"my-ops = my_ops.cli:main\"]}`. A script " +
              "that names no function, or one of the wheel's own package that is not there, fails the build. Default: " +
              "`scripts`, `gui-scripts` and `entry-points` of `pyproject`; if set, it replaces all three.",
    ),
    "extra_requires": attr.string_list_dict(
        doc = "Requirements (PEP 508) by the extra that needs them. Default: `optional-dependencies` of `pyproject`.",
    ),
    "homepage": attr.string(doc = "Home-page, an old form of `project_urls` (PEP 753). Default: none."),
    "keywords": attr.string_list(doc = "Words to find the distribution by. Default: those of `pyproject`."),
    "license": attr.string(
        doc = "The SPDX expression of everything that is in the wheel, such as `MIT AND BSD-3-Clause`. An invalid one " +
              "fails the build. Default: that of `pyproject`; without one, the wheel states none.",
    ),
    "project_urls": attr.string_dict(
        doc = "Labels and addresses of the project, such as `{\"Source\": \"https://…\"}`. Default: `urls` of `pyproject`.",
    ),
    "pyproject": attr.label(
        doc = "A pyproject.toml (PEP 621, 639). Its `[project]` gives every field that no attribute gives; a `[project]` that " +
              "those PEPs do not allow fails the build. The paths of `srcs` and `license_files` then begin at its " +
              "directory. Name and version are those that the `pythons` module extension has read: the file must be the " +
              "one of `pythons.requires`, or of a tag `pythons.project`, unless `distribution` and `version` are set. " +
              "Default: none.",
        allow_single_file = True,
    ),
    "python_requires": attr.string(
        doc = "Requires-Python (PEP 440). It must admit exactly the Pythons of the extensions. Default: `requires-python` " +
              "of `pyproject`, else the specifier of the `pythons` module extension. While RULES_DEEPGEMM_ONLY_PYTHON is " +
              "set, it is that Python in every case.",
    ),
    "require_torch": attr.bool(
        doc = "Whether the wheel requires exactly the torch that the extensions were compiled against, besides its other " +
              "requirements. torch's C++ ABI changes from release to release. Default: True.",
        default = True,
    ),
    "requires": attr.string_list(
        doc = "Requirements (PEP 508), such as `numpy>=2`. An invalid one fails the build, and so does one that does not " +
              "admit the torch of `require_torch`. Each extra in a marker such as `; extra == 'cli'` gets its " +
              "Provides-Extra. Default: `dependencies` of `pyproject`.",
    ),
    "summary": attr.string(doc = "One line that says what the wheel is. Default: `description` of `pyproject`."),
    "version": attr.string(
        doc = "The version (PEP 440), such as `2.8.2`; the wheel has it normalized. An invalid one is an error. Default: " +
              "that of `pyproject`.",
    ),
}

# Attributes that are a field of [project] as they are.
_FIELDS = {
    "classifiers": "classifiers",
    "extra_requires": "optional-dependencies",
    "keywords": "keywords",
    "license": "license",
    "project_urls": "urls",
    "python_requires": "requires-python",
    "requires": "dependencies",
    "summary": "description",
}

def _stated(ctx, attribute, key, normalize, expected):
    """An attribute's value, or pyproject.toml's; and its normal form."""
    value, where = getattr(ctx.attr, attribute), attribute
    if not value:
        if not ctx.file.pyproject:
            fail("{}: {} is not set; expected {}: set it, or pyproject".format(ctx.label, attribute, expected))
        label = str(ctx.file.pyproject.owner)
        if label not in PROJECTS:
            fail(("{}: {} is not set, and no tag in MODULE.bazel names {}; expected pythons.requires(pyproject = …) to be " +
                  "that file: add pythons.project(pyproject = \"{}\"), or set the attribute").format(
                ctx.label,
                attribute,
                label,
                label.removeprefix("@@"),
            ))
        found = PROJECTS[label][key]
        if found.error:
            fail("{}: {} {}".format(ctx.label, label, found.error))
        value, where = found.value, "{}: [project].{}".format(label, key)
    normal = normalize(value)
    if normal == None:
        fail("{}: {} is '{}'; expected {}".format(ctx.label, where, value, expected))
    return struct(normal = normal, value = value)

def _entry_point(ctx, text):
    name, equals, value = text.partition("=")
    if not equals:
        fail("{}: entry_points has '{}'; expected 'name = module:function'".format(ctx.label, text))
    return name.strip(), value.strip()

def add_metadata(ctx, args, torch):
    """Adds the options of wheel-build that METADATA follows from.

    Args:
        ctx: The context of a rule with METADATA_ATTRS and the attribute `license_files`.
        args: Args.
        torch: The version of torch to require.

    Returns:
        struct of `distribution` and `version`, both in the form that file names need, and `inputs`, a list of File.
    """
    name = _stated(ctx, "distribution", "name", normalized_name, "letters and digits, with -, _ or . between them")
    version = _stated(ctx, "version", "version", normalized_version, "a version (PEP 440) such as 2.8.2")
    project = {"name": name.value, "version": version.value}
    for attribute, field in _FIELDS.items():
        if getattr(ctx.attr, attribute):
            project[field] = getattr(ctx.attr, attribute)
    if NARROWED:
        project["requires-python"] = REQUIRES_PYTHON
    authors = {"name": ctx.attr.author, "email": ctx.attr.author_email}
    if any(authors.values()):
        project["authors"] = [{key: value} for key, value in authors.items() if value]
    if ctx.attr.entry_points:
        project["entry-points"] = {
            group: dict([_entry_point(ctx, text) for text in texts])
            for group, texts in ctx.attr.entry_points.items()
        }
    args.add("--project=" + json.encode(project))
    args.add("--requires-python=" + REQUIRES_PYTHON)
    if ctx.attr.require_torch:
        args.add("--pin=torch==" + torch.partition("+")[0])
    for option, value in [("--home-page=", ctx.attr.homepage), ("--download-url=", ctx.attr.download_url)]:
        if value:
            args.add(option + value)
    args.add_all(ctx.attr.empty_fields, format_each = "--empty=%s")
    inputs = []
    if ctx.file.pyproject:
        args.add("--pyproject", ctx.file.pyproject)
        inputs.append(ctx.file.pyproject)
    if ctx.file.description_file:
        path = path_in_project(ctx.file.description_file, ctx.file.pyproject)
        args.add("--readme={}={}".format(path, ctx.file.description_file.path))
        args.add("--readme-type=" + ctx.attr.description_content_type)
        inputs.append(ctx.file.description_file)
    return struct(distribution = name.normal, inputs = inputs, version = version.normal)
