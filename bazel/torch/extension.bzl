"""Module extension `torch`: which torch the extensions are compiled against."""

load(":torch_local_repo.bzl", "torch_local_repo")
load(":torch_wheel_repo.bzl", "torch_wheel_repo")

_DEFAULT_NAME = "deepgemm_torch"

_NAME = attr.string(
    doc = "Name of the repository. The root module's tag wins over another module's of the same name; two in one " +
          "module are an error. Default: `deepgemm_torch`, which extensions are compiled against unless the flag " +
          "`//bazel/torch:torch` names another.",
    default = _DEFAULT_NAME,
)

_wheel = tag_class(
    doc = "torch from wheels that a requirement file pins by hash, fetched by name with the machine's pip or uv.",
    attrs = {
        "name": _NAME,
        "python": attr.string(
            doc = "The CPython whose wheel is taken, such as `3.12`; headers and libraries are the same in all of them.",
            default = "3.12",
        ),
        "requirements": attr.label(
            doc = "The requirement file: torch and NVIDIA's CUDA wheels, each with `==` and `--hash` (pip's hash-checking " +
                  "mode). `@rules_deepgemm//third_party/torch` has some, and `bazel run " +
                  "@rules_deepgemm//tools/pins:torch_sdk -- VERSION` makes another.",
            mandatory = True,
        ),
    },
)

_local = tag_class(
    doc = "An installed torch and CUDA toolkit. A torch without CUDA, or a toolkit of another major version, is an " +
          "error.",
    attrs = {
        "cuda_home": attr.string(
            doc = "The toolkit's directory. Default: the first that has `include/cuda.h` of NVIDIA's wheels beside torch, " +
                  "`$CUDA_HOME`, `/usr/local/cuda`.",
        ),
        "interpreter": attr.string(
            doc = "The Python that has torch: a path, or a name on the PATH. It is asked where torch lies; torch is not imported.",
            default = "python3",
        ),
        "name": _NAME,
    },
)

def _torch_impl(mctx):
    taken = {}
    direct, direct_dev = [], []
    for module in mctx.modules:
        in_module = {}
        for kind, tags in [("wheel", module.tags.wheel), ("local", module.tags.local)]:
            for tag in tags:
                if tag.name in in_module:
                    fail("torch: {} has two tags named {}: give one of them another name".format(
                        module.name,
                        tag.name,
                    ))
                in_module[tag.name] = (kind, tag)
                if module.is_root:
                    (direct_dev if mctx.is_dev_dependency(tag) else direct).append(tag.name)

        # Modules come root first.
        taken = in_module | taken
    for name, (kind, tag) in taken.items():
        if kind == "wheel":
            torch_wheel_repo(name = name, python = tag.python, requirements = tag.requirements)
        else:
            torch_local_repo(name = name, cuda_home = tag.cuda_home, interpreter = tag.interpreter)
    return mctx.extension_metadata(
        root_module_direct_deps = direct,
        root_module_direct_dev_deps = direct_dev,
        reproducible = True,
    )

torch = module_extension(
    implementation = _torch_impl,
    doc = """Makes a repository for each tag, with `:sdk` to compile and link against, and `:headers`, all of torch's.

A torch without CUDA, and CUDA headers of another major version than the one that torch was built with, are errors. Code
that includes what torch's public headers do not reach (`ATen/native`, `ATen/cpu/vec`, c10d) depends on `:headers` too.
""",
    tag_classes = {
        "local": _local,
        "wheel": _wheel,
    },
)
