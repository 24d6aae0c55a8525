"""Module extension `torch`: the torch that extensions are compiled against."""

load("//bazel/fetch:cpu_hub_repo.bzl", "cpu_hub_repo")
load("//bazel/fetch:named_tags.bzl", "named_tags")
load("//bazel/fetch:wheel_repos.bzl", "unpacked_wheels_repo")
load("//bazel/platforms:cpus.bzl", "CPUS")
load(":pip_torch_repo.bzl", "pip_torch_repo")
load(":torch_local_repo.bzl", "torch_local_repo")
load(":torch_wheel_repo.bzl", "torch_wheel_repo")

visibility(["//bazel/...", "//tests/..."])

_DEFAULT_NAME = "deepgemm_torch"

# NVIDIA's wheels of headers that no torch requires.
_CUDA_HEADERS = Label("//third_party/torch:cuda-13.0-headers.txt")

# The targets of torch.BUILD.bazel that have a name in the hub.
_TARGETS = ["sdk", "headers", "extension_headers", "cuda_headers", "cuda_host_headers", "licenses"]

_NAME = attr.string(
    doc = "Name of the repository. The root module's tag wins over another module's of the same name; two in one " +
          "module are an error. Default: `deepgemm_torch`, which extensions are compiled against unless the flag " +
          "`--@rules_deepgemm//bazel/torch:torch=@name//:sdk` selects another.",
    default = _DEFAULT_NAME,
)

_CUDA = attr.bool(
    doc = "False makes a torch without CUDA, of any build: `torch.wheel` then fetches torch alone, and `torch.local` needs " +
          "no toolkit. Headers and libraries of CUDA are missing, and a module that needs one is an error. Default: True; " +
          "a torch that was built without CUDA is then an error.",
    default = True,
)

_wheel = tag_class(
    doc = "torch from wheels that a file pins by hash. The machine's pip or uv fetches them, for the CPU of the target " +
          "platform: x86-64 or aarch64.",
    attrs = {
        "cuda": _CUDA,
        "name": _NAME,
        "python": attr.string(
            doc = "The CPython whose torch wheel is fetched, such as `3.12`. The headers and the libraries' symbols are the " +
                  "same in all of them. A lock without a wheel for it is an error. Default: `3.12`.",
            default = "3.12",
        ),
        "requirements": attr.label(
            doc = "A requirement file: torch and NVIDIA's CUDA wheels, each with `==` and `--hash` (pip's hash-checking " +
                  "mode). `@rules_deepgemm//third_party/torch` has some, and `bazel run " +
                  "@rules_deepgemm//tools/pins:torch -- VERSION` writes another. Or the project's own lock, " +
                  "`uv.lock`, `pylock.toml` or `pylock.NAME.toml` (PEP 751): its torch is fetched, with the NVIDIA wheels " +
                  "that have headers and libraries to link with. A lock without torch is an error.",
            mandatory = True,
        ),
    },
)

_local = tag_class(
    doc = "An installed torch and CUDA toolkit. A toolkit of another major version is an error, and so is a target platform " +
          "of another CPU than this machine's.",
    attrs = {
        "cuda": _CUDA,
        "cuda_home": attr.string(
            doc = "The toolkit's directory. Default: NVIDIA's wheels beside torch, `$CUDA_HOME` or `/usr/local/cuda`, " +
                  "whichever first has `include/cuda.h`.",
        ),
        "interpreter": attr.string(
            doc = "The Python that has torch: a path, or a name on the PATH. The rule asks it where torch is installed, and " +
                  "does not import torch. Default: `python3`.",
            default = "python3",
        ),
        "name": _NAME,
    },
)

_pip = tag_class(
    doc = """The torch of a pip hub of rules_python: what `py_test` targets of the project import, too.

```starlark
pip = use_extension("@rules_python//python/extensions:pip.bzl", "pip")
pip.parse(
    hub_name = "pip",
    python_version = "3.12",
    requirements_lock = "//:requirements.txt",
)
use_repo(pip, "pip")

torch = use_extension("@rules_deepgemm//bazel:extensions.bzl", "torch")
torch.pip(hub = "@pip")
```

Building an extension then fetches `@pip//torch` and what it depends on, for the Python in use; headers and libraries are
the same for all. A hub without torch, a torch that was built with libstdc++'s old ABI, and, unless `cuda = False`, one
without CUDA are errors.
""",
    attrs = {
        "cuda": attr.bool(
            doc = "False for a torch without CUDA, or to compile against one with CUDA as against one without. Default: True.",
            default = True,
        ),
        "hub": attr.label(
            doc = "The hub, such as `@pip`, with the target `//torch`.",
            mandatory = True,
        ),
        "name": _NAME,
    },
)

def _torch_impl(mctx):
    named = named_tags(mctx, "torch", ["wheel", "local", "pip"], _DEFAULT_NAME)
    for name, (kind, tag) in named.tags.items():
        if kind == "wheel":
            for cpu in CPUS:
                torch_wheel_repo(
                    name = "{}_{}".format(name, cpu),
                    cpu = cpu,
                    cuda = tag.cuda,
                    python = tag.python,
                    requirements = tag.requirements,
                )
        elif kind == "pip":
            unpacked_wheels_repo(name = name + "_cuda_headers", requirements = _CUDA_HEADERS)
            pip_torch_repo(
                name = name + "_pip",
                cuda = tag.cuda,
                headers = "@{}_cuda_headers//:files".format(name),
                hub = tag.hub,
            )
        else:
            torch_local_repo(
                name = name + "_local",
                cuda = tag.cuda,
                cuda_home = tag.cuda_home,
                interpreter = tag.interpreter,
            )
        cpu_hub_repo(
            name = name,
            aliases = {
                target: "@{}_{}//:{}".format(name, "{cpu}" if kind == "wheel" else kind, target)
                for target in (["sdk"] if kind == "pip" else _TARGETS)
            },
            machine_only = kind != "wheel",
            remedy = "set --platforms" if kind == "wheel" else "take torch from wheels, with torch.wheel",
        )
    return mctx.extension_metadata(reproducible = True, **named.direct)

torch = module_extension(
    implementation = _torch_impl,
    doc = """Makes a repository for each tag, with the `torch_sdk` `:sdk` to compile and link against.

Targets depend on `@rules_deepgemm//bazel/torch`, which follows the flag of that name. Code that includes headers which
torch's public ones do not include (`ATen/native`, `ATen/cpu/vec`, c10d) depends on `@rules_deepgemm//bazel/torch:headers`
too. A torch without CUDA, unless `cuda = False` says so, and a toolkit of another major version than the one that torch
was built with, are errors.
""",
    tag_classes = {
        "local": _local,
        "pip": _pip,
        "wheel": _wheel,
    },
)
