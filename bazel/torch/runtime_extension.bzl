"""Module extension `torch_runtime`: a torch to import in tests, for each CPython.

The extension does not read the matrix of CPythons, so loading and evaluating it fetches nothing.
"""

load(":torch_pins.bzl", "is_lock")
load(":torch_runtime_repos.bzl", "python_runtime_repo", "runtime_hub_repo", "shared_runtime_repo")

visibility(["//bazel/...", "//tests/..."])

_DEFAULT_NAME = "deepgemm_torch_runtime"

# One repository for each CPython 3 that a matrix can name, also for those to come. Bazel fetches a repository only when
# something uses it, so the others cost nothing, and no list of known CPythons has to be kept here.
_MINORS = range(8, 32)

_wheel = tag_class(
    doc = "torch and all that it requires, from wheels that a project's lock, or two requirement files, pin by hash. " +
          "`bazel run @rules_deepgemm//tools/pins:torch -- VERSION` writes the two. Bazel fetches the wheels when a test " +
          "needs them, and only for the CPythons that the test needs.",
    attrs = {
        "compiled": attr.label(
            doc = "Requirement file of the packages that have one wheel for each CPython, torch among them.",
        ),
        "lock": attr.label(
            doc = "The project's `uv.lock`, `pylock.toml` or `pylock.NAME.toml`, in place of `compiled` and `shared`.",
        ),
        "name": attr.string(
            doc = "Name of the hub repository. The root module's tag wins over another module's of the same name. " +
                  "Default: `deepgemm_torch_runtime`, which `import_check_test` uses.",
            default = _DEFAULT_NAME,
        ),
        "shared": attr.label(
            doc = "Requirement file of the packages whose one wheel serves every CPython.",
        ),
    },
)

def _torch_runtime_impl(mctx):
    taken = {}
    direct, direct_dev = [], []
    for module in mctx.modules:
        for tag in module.tags.wheel:
            if bool(tag.lock) == bool(tag.compiled) or bool(tag.compiled) != bool(tag.shared):
                fail("torch_runtime: {} has a tag {} with other attributes; expected lock, or compiled and shared".format(
                    module.name,
                    tag.name,
                ))
            if tag.lock and not is_lock(tag.lock):
                fail("torch_runtime: lock is {}; expected uv.lock, pylock.toml or pylock.NAME.toml".format(tag.lock))

            # Modules come root first.
            taken.setdefault(tag.name, tag)

            # Macros of this module find the default repository by themselves: other modules need no use_repo for it.
            if module.is_root and (tag.name != _DEFAULT_NAME or module.name == "rules_deepgemm"):
                (direct_dev if mctx.is_dev_dependency(tag) else direct).append(tag.name)
    for name, tag in taken.items():
        shared_runtime_repo(name = name + "_shared", requirements = tag.lock or tag.shared)
        repositories = {}
        for minor in _MINORS:
            python_tag = "cp3{}".format(minor)
            repositories[python_tag] = "{}_{}".format(name, python_tag)
            python_runtime_repo(
                name = repositories[python_tag],
                python = "3.{}".format(minor),
                requirements = tag.lock or tag.compiled,
                shared = "@{}_shared//:pins.txt".format(name),
                tag = python_tag,
            )
        runtime_hub_repo(name = name, pythons = repositories)
    return mctx.extension_metadata(
        root_module_direct_deps = direct,
        root_module_direct_dev_deps = direct_dev,
        reproducible = True,
    )

torch_runtime = module_extension(
    implementation = _torch_runtime_impl,
    doc = "Makes a hub repository for each tag, with `:cp311`, `:cp312` and so on for tests to import with.",
    tag_classes = {"wheel": _wheel},
)
