"""The rules behind `torch.pip`: a torch to compile against, out of the files that a pip hub installs for `py_test`."""

load("@rules_cc//cc:defs.bzl", "CcInfo", "cc_common")
load(":providers.bzl", "TorchInfo")

# Public by necessity: torch repositories load it. No interface: it may change at any time.
visibility("public")

def _in_site_packages(file):
    """Where a file lies: (the path of site-packages, the path below it); None for a file that lies elsewhere."""
    for name in ["/site-packages/", "/site/"]:
        before, found, after = file.path.partition(name)
        if found:
            return (before + name.removesuffix("/"), after)
    return None

def _version(path, distribution):
    """The version of a distribution, if `path` is its METADATA; else None."""
    directory, _, name = path.partition("/")
    if name != "METADATA" or not directory.startswith(distribution + "-"):
        return None
    return directory.removeprefix(distribution + "-").removesuffix(".dist-info")

def _release(version):
    return ".".join(version.split(".")[:2])

def _sort(ctx):
    """Finds what compiling and linking need among the files of torch and of what it depends on."""
    found = struct(torch = {}, torch_headers = [], cuda = {}, cuda_headers = [], libraries = [], versions = {})
    targets = [ctx.attr.torch] + ctx.attr.headers
    files = depset(transitive = [target[DefaultInfo].default_runfiles.files for target in targets] +
                                [target[DefaultInfo].files for target in targets])
    libraries = {"lib{}.so".format(name): None for name in ctx.attr.libraries}
    for file in files.to_list():
        place = _in_site_packages(file)
        if not place:
            continue
        site, path = place
        if path.startswith("torch/include/"):
            found.torch_headers.append(file)
        elif path in ["torch/version.py", "torch/share/cmake/Torch/TorchConfig.cmake"]:
            found.torch[site + "/torch"] = None
            found.libraries.append(file)
        elif path.startswith("torch/lib/") and file.basename in libraries:
            found.libraries.append(file)
        elif path.startswith("nvidia/cu1") and ctx.attr.cuda:
            root, _, inside = path.removeprefix("nvidia/").partition("/")
            if inside.startswith("include/"):
                found.cuda["{}/nvidia/{}".format(site, root)] = None
                found.cuda_headers.append(file)
            elif inside.startswith("lib/") and file.basename.partition(".so.")[0] + ".so" in libraries:
                found.cuda["{}/nvidia/{}".format(site, root)] = None
                found.libraries.append(file)
        for distribution in ["torch", "nvidia_cuda_runtime", "nvidia_cuda_crt"]:
            version = _version(path, distribution)
            if version:
                found.versions[distribution] = version
    return found

def _check(ctx, found):
    """Fails with one error where these are not the files of a torch that serves."""
    hub = str(ctx.attr.torch.label)
    version = found.versions.get("torch")
    if not version or not found.torch:
        fail("torch.pip: {} has no torch/version.py below site-packages; expected torch as pip installs it".format(hub))
    if not ctx.attr.cuda:
        return
    runtime = found.versions.get("nvidia_cuda_runtime")
    if not runtime or not found.cuda:
        fail("torch.pip: {} is torch {} without nvidia-cuda-runtime of CUDA 13 or newer; expected a torch with ".format(
            hub,
            version,
        ) + "CUDA: lock one, or choose a torch without CUDA by cuda = False")
    crt = found.versions.get("nvidia_cuda_crt", "")
    if _release(crt) != _release(runtime):
        fail("torch.pip: {} has nvidia-cuda-runtime {}; expected the headers of nvidia-cuda-crt {}.*, not {}: ".format(
            hub,
            runtime,
            _release(runtime),
            crt or "none",
        ) + "add nvidia-cuda-crt and nvidia-cuda-cccl of that release to the hub's requirements")

def _headers(files, includes):
    return CcInfo(compilation_context = cc_common.create_compilation_context(
        headers = depset(files),
        system_includes = depset(includes),
    ))

def _includes(torch, cuda):
    return [torch + "/include", torch + "/include/torch/csrc/api/include"] + [
        directory + subdirectory
        for directory in cuda
        for subdirectory in ["/include", "/include/cccl"]
    ]

def _pip_torch_files_impl(ctx):
    found = _sort(ctx)
    _check(ctx, found)
    torch = found.torch.keys()[0]
    cuda_version = _release(found.versions["nvidia_cuda_runtime"]) if ctx.attr.cuda else ""
    version = found.versions["torch"].partition("+")[0]

    headers = ctx.actions.declare_directory(ctx.label.name + "/include")
    args = ctx.actions.args()
    args.add("--version", version)
    args.add("--cuda-version=" + cuda_version)
    args.add("--torch", torch)
    args.add_all(found.cuda.keys(), before_each = "--cuda")
    args.add_all([headers], before_each = "--headers", expand_directories = False)
    args.add("--libraries", ctx.outputs.outs[0].dirname)
    ctx.actions.run(
        executable = ctx.executable._tool,
        arguments = [args],
        inputs = found.torch_headers + found.cuda_headers + found.libraries,
        outputs = [headers] + ctx.outputs.outs,
        mnemonic = "PipTorch",
        progress_message = "Preparing torch %{label}",
        # The tool is an attribute and comes from no toolchain (--incompatible_auto_exec_groups).
        toolchain = None,
    )
    cuda = [headers.path + "/cuda"] if ctx.attr.cuda else []
    return [
        DefaultInfo(files = depset([headers])),
        _headers([headers], _includes(headers.path + "/torch", cuda)),
        TorchInfo(
            cuda_version = cuda_version,
            cxx11_abi = True,
            headers = _headers(found.torch_headers + found.cuda_headers, _includes(torch, found.cuda.keys())),
            version = version,
        ),
    ]

pip_torch_files = rule(
    implementation = _pip_torch_files_impl,
    doc = "The headers that an extension can include, and the interfaces of the libraries that it can link with.",
    attrs = {
        "cuda": attr.bool(
            doc = "Whether it is a torch with CUDA.",
            mandatory = True,
        ),
        "headers": attr.label_list(
            doc = "NVIDIA's wheels of headers that torch does not require, unpacked.",
            allow_files = True,
        ),
        "libraries": attr.string_list(
            doc = "Names of torch's and CUDA's libraries.",
            mandatory = True,
        ),
        "outs": attr.output_list(
            doc = "The interface of each library.",
            mandatory = True,
        ),
        "torch": attr.label(
            doc = "torch of a hub, a `py_library` with all that torch requires.",
            mandatory = True,
        ),
        "_tool": attr.label(
            default = "//bazel/torch:pip_torch",
            cfg = "exec",
            executable = True,
        ),
    },
    provides = [CcInfo, TorchInfo],
)

def _pip_torch_sdk_impl(ctx):
    return [
        cc_common.merge_cc_infos(cc_infos = [dep[CcInfo] for dep in [ctx.attr.files] + ctx.attr.deps]),
        ctx.attr.files[TorchInfo],
    ]

pip_torch_sdk = rule(
    implementation = _pip_torch_sdk_impl,
    doc = "What `torch_sdk` is for other repositories of a torch.",
    attrs = {
        "deps": attr.label_list(
            doc = "The interfaces of the libraries.",
            mandatory = True,
            providers = [CcInfo],
        ),
        "files": attr.label(
            doc = "The `pip_torch_files`.",
            mandatory = True,
            providers = [CcInfo, TorchInfo],
        ),
    },
    provides = [CcInfo, TorchInfo],
)
