"""The extensions of a wheel: where their libraries go, and the tags and the torch that all of them agree on."""

load("//bazel/rules:providers.bzl", "ExtensionInfo")

visibility(["//bazel/rules/private", "//tests/..."])

def _minor(tag):
    return int(tag.removeprefix("cp3").removeprefix("3."))

def _tag(ctx, extensions):
    """The Python tag and the ABI tag."""
    limited = [each for each in extensions if each[ExtensionInfo].py_limited_api]
    oldest = max([_minor(each[ExtensionInfo].py_limited_api) for each in limited]) if limited else 0
    by_tag = [each for each in extensions if each not in limited and "any" not in each[ExtensionInfo].files]
    if not by_tag:
        return "cp3{}-abi3".format(oldest) if limited else "py3-none"
    tags = by_tag[0][ExtensionInfo].files.keys()
    for each in by_tag[1:]:
        if each[ExtensionInfo].files.keys() != tags:
            fail("{}: {} is for {}, and {} for {}; expected extensions for the same CPythons".format(
                ctx.label,
                by_tag[0].label,
                ", ".join(tags),
                each.label,
                ", ".join(each[ExtensionInfo].files.keys()),
            ))
    for each in limited:
        if _minor(each[ExtensionInfo].py_limited_api) > min([_minor(tag) for tag in tags]):
            fail("{}: {} has py_limited_api {}, and {} is for {}; expected a stable ABI that all of them have".format(
                ctx.label,
                each.label,
                each[ExtensionInfo].py_limited_api,
                by_tag[0].label,
                ", ".join(tags),
            ))
    return "{0}-{0}".format(".".join(tags))

def _torch(ctx, extensions):
    """The version of the torch that every extension was compiled against."""
    first = extensions[0]
    for each in extensions[1:]:
        if each[ExtensionInfo].torch.version != first[ExtensionInfo].torch.version:
            fail("{}: {} was compiled against torch {}, and {} against torch {}; expected one torch".format(
                ctx.label,
                first.label,
                first[ExtensionInfo].torch.version,
                each.label,
                each[ExtensionInfo].torch.version,
            ))
    return first[ExtensionInfo].torch.version

def gather_extensions(ctx):
    """What the extensions of a wheel say together.

    Args:
        ctx: The context of a rule with the attributes `extension`, `extensions` and `package`.

    Returns:
        struct of `files`, a dict from the path of each library in the wheel to its File; `tag`, the Python tag and the
        ABI tag, such as `cp311.cp312-cp311.cp312`; and `torch`, a version.
    """
    extensions = ([ctx.attr.extension] if ctx.attr.extension else []) + ctx.attr.extensions
    if not extensions:
        fail("{}: neither extension nor extensions is set; expected a torch_extension at least".format(ctx.label))
    files, owners = {}, {}
    for each in extensions:
        package = each[ExtensionInfo].package or ctx.attr.package
        if not package:
            fail("{}: {} does not say its package; set package there, or here for all that do not".format(
                ctx.label,
                each.label,
            ))
        for library in each[ExtensionInfo].files.values():
            path = "{}/{}".format(package, library.basename)
            if path in files:
                fail("{}: {} and {} both are {}; give one of them another module_name or package".format(
                    ctx.label,
                    owners[path],
                    each.label,
                    path,
                ))
            files[path], owners[path] = library, each.label
    return struct(files = files, tag = _tag(ctx, extensions), torch = _torch(ctx, extensions))
