"""Module extension `torch_runtime`: a torch to import in tests, for each CPython.

The extension does not read the matrix of CPythons, so loading and evaluating it fetches nothing.
"""

load("//bazel/fetch:cpu_hub_repo.bzl", "cpu_hub_repo")
load("//bazel/fetch:named_tags.bzl", "named_tags")
load("//bazel/platforms:cpus.bzl", "CPUS")
load(":torch_pins.bzl", "is_lock")
load(":torch_runtime_repos.bzl", "python_runtime_repo", "shared_runtime_repo")

visibility(["//bazel/...", "//tests/..."])

_DEFAULT_NAME = "deepgemm_torch_runtime"

# One repository for each CPython 3 that a matrix can name, also for those to come. Bazel fetches a repository only when
# something uses it, so the others cost nothing, and no list of known CPythons has to be kept here.
_MINORS = range(8, 32)

_wheel = tag_class(
    doc = "torch and all that it requires, from wheels that a project's lock, or two requirement files, pin by hash. " +
          "`bazel run @rules_deepgemm//tools/pins:torch -- VERSION` writes the two. Bazel fetches the wheels when a test " +
          "needs them, and only for the CPythons that the test needs, and for the CPU of the target platform.",
    attrs = {
        "compiled": attr.label(
            doc = "Requirement file of the packages that have one wheel for each CPython, torch among them.",
        ),
        "lock": attr.label(
            doc = "The project's `uv.lock`, `pylock.toml` or `pylock.NAME.toml`, in place of `compiled` and `shared`.",
        ),
        "name": attr.string(
            doc = "Name of the hub repository. The root module's tag wins over another module's of the same name; two " +
                  "in one module are an error. Default: `deepgemm_torch_runtime`, which `import_check_test` uses.",
            default = _DEFAULT_NAME,
        ),
        "shared": attr.label(
            doc = "Requirement file of the packages whose one wheel serves every CPython.",
        ),
    },
)

def _torch_runtime_impl(mctx):
    named = named_tags(mctx, "torch_runtime", ["wheel"], _DEFAULT_NAME)
    for name, (_, tag) in named.tags.items():
        if bool(tag.lock) == bool(tag.compiled) or bool(tag.compiled) != bool(tag.shared):
            fail("torch_runtime: the tag {} has other attributes; expected lock, or compiled and shared".format(name))
        if tag.lock and not is_lock(tag.lock):
            fail("torch_runtime: lock is {}; expected uv.lock, pylock.toml or pylock.NAME.toml".format(tag.lock))
        for cpu in CPUS:
            shared = "{}_{}_shared".format(name, cpu)
            shared_runtime_repo(name = shared, cpu = cpu, requirements = tag.lock or tag.shared)
            for minor in _MINORS:
                python_runtime_repo(
                    name = "{}_{}_cp3{}".format(name, cpu, minor),
                    cpu = cpu,
                    python = "3.{}".format(minor),
                    requirements = tag.lock or tag.compiled,
                    shared = "@{}//:pins.txt".format(shared),
                    tag = "cp3{}".format(minor),
                )
        cpu_hub_repo(
            name = name,
            aliases = {
                "cp3{}".format(minor): "@{}_{{cpu}}_cp3{}//:runtime".format(name, minor)
                for minor in _MINORS
            },
        )
    return mctx.extension_metadata(reproducible = True, **named.direct)

torch_runtime = module_extension(
    implementation = _torch_runtime_impl,
    doc = "Makes a hub repository for each tag, with `:cp311`, `:cp312` and so on for tests to import with.",
    tag_classes = {"wheel": _wheel},
)
