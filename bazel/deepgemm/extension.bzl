"""Module extension `deepgemm`: DeepGEMM's source."""

load(":deepgemm_repo.bzl", "deepgemm_local_repo", "deepgemm_sdist_repo")
load(":deepgemm_version_repo.bzl", "deepgemm_version_repo")
load(":elfutils_repo.bzl", "elfutils_repo")
load(":envs.bzl", "ENVS")

visibility(["//bazel"])

_REPOSITORY = "deepgemm_src"
_VERSION_REPOSITORY = "deepgemm_version"

_sdist = tag_class(
    doc = "DeepGEMM's source out of an sdist that a requirement file pins by hash.",
    attrs = {
        "envs": ENVS,
        "requirements": attr.label(
            doc = "The requirement file, as `//third_party/deepgemm:2.8.2.txt`.",
            mandatory = True,
        ),
    },
)

_local = tag_class(
    doc = "A DeepGEMM checkout with its submodules. The next build has each edit of it.",
    attrs = {
        "envs": ENVS,
        "path": attr.string(
            doc = "The checkout's root, absolute or relative to the workspace. An error where it has no csrc/python_api.cpp.",
            mandatory = True,
        ),
    },
)

def _deepgemm_impl(mctx):
    # The first module with a tag decides. The root module comes first.
    for module in mctx.modules:
        if len(module.tags.sdist) + len(module.tags.local) > 1:
            fail("deepgemm: {} has {} tags; expected one, since one source is built: remove the others".format(
                module.name,
                len(module.tags.sdist) + len(module.tags.local),
            ))
        if module.tags.sdist:
            tag = module.tags.sdist[0]
            deepgemm_sdist_repo(name = _REPOSITORY, envs = tag.envs, requirements = tag.requirements)
            deepgemm_version_repo(name = _VERSION_REPOSITORY, requirements = tag.requirements)
            break
        if module.tags.local:
            tag = module.tags.local[0]
            deepgemm_local_repo(name = _REPOSITORY, envs = tag.envs, path = tag.path)
            deepgemm_version_repo(name = _VERSION_REPOSITORY, path = tag.path)
            break
    elfutils_repo(name = "deepgemm_elfutils")
    return mctx.extension_metadata(reproducible = True)

deepgemm = module_extension(
    implementation = _deepgemm_impl,
    doc = "DeepGEMM's source, which `deepgemm_extension` and `deepgemm_wheel` build. A tag of the root module replaces " +
          "the default, the pinned sdist.",
    tag_classes = {
        "local": _local,
        "sdist": _sdist,
    },
)
