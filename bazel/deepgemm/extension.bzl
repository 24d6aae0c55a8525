"""Module extension `deepgemm`: DeepGEMM's source."""

load(":deepgemm_repo.bzl", "deepgemm_local_repo", "deepgemm_sdist_repo")
load(":elfutils_repo.bzl", "elfutils_repo")

_REPOSITORY = "deepgemm_src"

_ENVS = attr.string_dict(
    doc = "Defaults for DG_JIT_CACHE_DIR, DG_JIT_PRINT_COMPILER_COMMAND and DG_JIT_CPP_STANDARD where the user's " +
          "environment does not set them. Default: none.",
)

_sdist = tag_class(
    doc = "DeepGEMM's source out of an sdist that a requirement file pins by hash.",
    attrs = {
        "envs": _ENVS,
        "requirements": attr.label(
            doc = "The requirement file, as `//third_party/deepgemm:2.8.2.txt`.",
            mandatory = True,
        ),
    },
)

_local = tag_class(
    doc = "A DeepGEMM checkout with its submodules; an edit there is seen by the next build.",
    attrs = {
        "envs": _ENVS,
        "path": attr.string(
            doc = "The checkout's root, absolute or relative to the workspace. Without csrc/python_api.cpp: an error.",
            mandatory = True,
        ),
    },
)

def _deepgemm_impl(mctx):
    # The first module that says something decides; modules come root first.
    for module in mctx.modules:
        if len(module.tags.sdist) + len(module.tags.local) > 1:
            fail("deepgemm: {} has more than one tag; one source is built: remove all but one".format(module.name))
        if module.tags.sdist:
            tag = module.tags.sdist[0]
            deepgemm_sdist_repo(name = _REPOSITORY, envs = tag.envs, requirements = tag.requirements)
            break
        if module.tags.local:
            tag = module.tags.local[0]
            deepgemm_local_repo(name = _REPOSITORY, envs = tag.envs, path = tag.path)
            break
    elfutils_repo(name = "deepgemm_elfutils")
    return mctx.extension_metadata(reproducible = True)

deepgemm = module_extension(
    implementation = _deepgemm_impl,
    doc = "Makes the repository `deepgemm_src`. A root module's tag takes the place of the default, the pinned sdist.",
    tag_classes = {
        "local": _local,
        "sdist": _sdist,
    },
)
