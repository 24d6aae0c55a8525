"""What the module extensions with a repository for each tag share."""

visibility(["//bazel/..."])

def named_tags(mctx, extension, kinds, own_name = None):
    """The tags of all modules by the name of the repository that each makes. The module nearest to the root wins.

    Args:
        mctx: the module extension's context.
        extension: string, its name, for errors.
        kinds: list of string, the tag classes; each has the attribute `name`.
        own_name: string, the name of a repository that macros of this module find by themselves, so that other modules need
            no use_repo for it. Default: none.

    Returns:
        struct of `tags`, a dict from each name to (kind, tag), and `direct`, arguments for extension_metadata. Two tags
        of one name in one module are an error.
    """
    found = {}
    direct = {"root_module_direct_deps": [], "root_module_direct_dev_deps": []}
    for module in mctx.modules:
        in_module = {}
        for kind in kinds:
            for tag in getattr(module.tags, kind):
                if tag.name in in_module:
                    fail("{}: module {} has two tags named {}; expected one: give the other another name".format(
                        extension,
                        module.name,
                        tag.name,
                    ))
                in_module[tag.name] = (kind, tag)
                if module.is_root and (tag.name != own_name or module.name == "rules_deepgemm"):
                    dev = "dev_" if mctx.is_dev_dependency(tag) else ""
                    direct["root_module_direct_{}deps".format(dev)].append(tag.name)

        # Modules come root first.
        found = in_module | found
    return struct(direct = direct, tags = found)
