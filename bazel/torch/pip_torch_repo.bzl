"""Repository rule: the torch of a pip hub, to compile and link against."""

load("//bazel/fetch:host_python.bzl", "fail_fetch")

visibility(["//bazel/torch/..."])

# NVIDIA's wheels of headers, which torch does not require.
_HEADERS = ["nvidia_cuda_cccl", "nvidia_cuda_crt"]

def _pip_torch_repo_impl(rctx):
    hub = rctx.attr.hub
    root = rctx.path(hub.same_package_label("BUILD.bazel")).dirname

    def label(package):
        """The target of a package in the hub; None if the hub lacks it."""
        if root.get_child(package).exists:
            return "@@{}//{}".format(hub.repo_name, package)

        # rules_python before 0.24, without incompatible_generate_aliases.
        if "\"{}_pkg\"".format(package) in rctx.read(root.get_child("BUILD.bazel")):
            return "@@{}//:{}_pkg".format(hub.repo_name, package)
        return None

    torch = label("torch")
    if not torch:
        fail_fetch(rctx, "torch.pip: the hub {} has no torch; expected it among the hub's requirements: add it".format(
            hub.name,
        ))
    headers = [label(package) for package in _HEADERS]
    rctx.template(
        "BUILD.bazel",
        Label(":pip_torch.BUILD.bazel"),
        executable = False,
        substitutions = {
            "{CUDA}": repr(rctx.attr.cuda),
            "{HEADERS}": repr((headers if all(headers) else [str(rctx.attr.headers)]) if rctx.attr.cuda else []),
            "{TORCH}": torch,
        },
    )

pip_torch_repo = repository_rule(
    implementation = _pip_torch_repo_impl,
    doc = "The torch of a pip hub, with `:sdk` to compile and link against. It fetches the hub, and no package of it.",
    attrs = {
        "cuda": attr.bool(
            doc = "Whether it is a torch with CUDA.",
            mandatory = True,
        ),
        "headers": attr.label(
            doc = "NVIDIA's wheels of headers, for a hub that lacks one.",
            mandatory = True,
        ),
        "hub": attr.label(
            doc = "The hub, such as `@pip`.",
            mandatory = True,
        ),
    },
)
