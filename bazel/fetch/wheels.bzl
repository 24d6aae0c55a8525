"""Module extension `wheels`: published wheels and sdists, by name and pinned hash."""

load("//bazel/platforms:cpus.bzl", "CPUS")
load(":cpu_hub_repo.bzl", "cpu_hub_repo")
load(":named_tags.bzl", "named_tags")
load(":wheel_repos.bzl", "fetched_sdist_repo", "fetched_wheel_repo", "unpacked_wheels_repo")

visibility(["//bazel/...", "//tests/..."])

_REQUIREMENTS = attr.label(
    doc = "Requirement file with one package, which has == and --hash; anything else is an error.",
    mandatory = True,
)
_NAME = attr.string(
    doc = "Name of the repository. The root module's tag wins over another module's of the same name.",
    mandatory = True,
)

_BUILD_FILE = attr.label(
    doc = "The BUILD file of the repository's root, as `http_archive` has it: targets of your own over its files, such as a " +
          "`cc_library`. It may load from `@rules_cc`, `@rules_python` and `@rules_deepgemm`. Default: one that exports " +
          "every file and has `:files`.",
)

_fetch = tag_class(
    doc = "A wheel as it was published: `@name//:wheel`, one file under its own name. It is the one for the CPU of the " +
          "target platform, x86-64 or aarch64, so the requirement file has the hash of each.",
    attrs = {
        "glibc": attr.string(doc = "Newest glibc that the wheel may need (the platform tags of PEP 600). Default: 2.39.", default = "2.39"),
        "name": _NAME,
        "python": attr.string(doc = "The CPython for which a wheel is chosen. Default: 3.12.", default = "3.12"),
        "requirements": _REQUIREMENTS,
    },
)

_sdist = tag_class(
    doc = """An sdist, unpacked. None of its code runs, whatever its build backend.

`@name//:files` has all files. Each file is a label of its own, too: `@name//:src/PATH`, where PATH is the path below the
archive's top directory. The repository has one package and no other BUILD file.

```starlark
# MODULE.bazel
wheels.sdist(
    name = "torch_scatter",
    requirements = "//:torch-scatter.txt",
)
use_repo(wheels, "torch_scatter")

# BUILD.bazel: torch_scatter-2.1.2/csrc/scatter.cpp of the archive
torch_extension(
    name = "scatter",
    srcs = ["@torch_scatter//:src/csrc/scatter.cpp"],
)
```
""",
    attrs = {
        "build_file": _BUILD_FILE,
        "name": _NAME,
        "requirements": _REQUIREMENTS,
    },
)

_unpack = tag_class(
    doc = "Wheels for x86-64, unpacked as into one site-packages: `@name//:files`, and each file as `@name//:site/…`. For files " +
          "that are published in wheels and are no Python libraries, such as NVIDIA's compilers.",
    attrs = {
        "build_file": _BUILD_FILE,
        "name": _NAME,
        "python": attr.string(
            doc = "The CPython whose wheels are fetched, such as `3.12`. Default: `any`, wheels that serve every CPython.",
            default = "any",
        ),
        "requirements": attr.label(
            doc = "Requirement file in which every package has == and --hash. Dependencies that it does not name are " +
                  "not fetched.",
            mandatory = True,
        ),
    },
)

def _wheels_impl(mctx):
    named = named_tags(mctx, "wheels", ["fetch", "sdist", "unpack"])
    for name, (kind, tag) in named.tags.items():
        if kind == "fetch":
            for cpu in CPUS:
                fetched_wheel_repo(
                    name = "{}_{}".format(name, cpu),
                    cpu = cpu,
                    glibc = tag.glibc,
                    python = tag.python,
                    requirements = tag.requirements,
                )
            cpu_hub_repo(name = name, aliases = {"wheel": "@%s_{cpu}//:wheel" % name})
        elif kind == "sdist":
            fetched_sdist_repo(name = name, build_file = tag.build_file, requirements = tag.requirements)
        else:
            unpacked_wheels_repo(
                name = name,
                build_file = tag.build_file,
                python = tag.python,
                requirements = tag.requirements,
            )
    return mctx.extension_metadata(reproducible = True, **named.direct)

wheels = module_extension(
    implementation = _wheels_impl,
    doc = "Makes a repository for each tag. The machine's pip or uv fetches the files. A file with another hash, and a " +
          "release that the index does not have, are errors.",
    tag_classes = {
        "fetch": _fetch,
        "sdist": _sdist,
        "unpack": _unpack,
    },
)
