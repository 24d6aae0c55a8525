"""Module extension `torch_runtime`: a torch to import in tests, for each CPython of the matrix."""

load("@deepgemm_pythons//:versions.bzl", "OLDEST", "PYTHONS")
load(":runtime_repo.bzl", "python_runtime_repo", "runtime_hub_repo", "shared_runtime_repo")

_DEFAULT_NAME = "deepgemm_torch_runtime"

_wheel = tag_class(
    doc = "torch and all that it requires, from wheels that two requirement files pin by hash. Fetched when a test " +
          "asks for them, and only for the CPythons that it asks for.",
    attrs = {
        "compiled": attr.label(
            doc = "Requirement file of the packages of which there is one for each CPython, torch among them.",
            mandatory = True,
        ),
        "name": attr.string(
            doc = "Name of the hub repository. The root module's tag wins over another module's of the same name.",
            default = _DEFAULT_NAME,
        ),
        "shared": attr.label(
            doc = "Requirement file of the packages that serve every CPython. `tools/pins/torch_runtime.py` makes " +
                  "both files.",
            mandatory = True,
        ),
    },
)

def _torch_runtime_impl(mctx):
    taken = {}
    direct, direct_dev = [], []
    for module in mctx.modules:
        for tag in module.tags.wheel:
            # Modules come root first.
            if tag.name not in taken:
                taken[tag.name] = tag
            if module.is_root:
                (direct_dev if mctx.is_dev_dependency(tag) else direct).append(tag.name)
    for name, tag in taken.items():
        shared_runtime_repo(
            name = name + "_shared",
            python = OLDEST,
            requirements = tag.shared,
        )
        repos = {}
        for python in PYTHONS:
            repos[python.tag] = "{}_{}".format(name, python.tag)
            python_runtime_repo(
                name = repos[python.tag],
                python = python.version,
                requirements = tag.compiled,
                shared = "@{}_shared//:pins.txt".format(name),
                tag = python.tag,
            )
        runtime_hub_repo(name = name, pythons = repos)
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
