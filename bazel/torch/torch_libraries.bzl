"""The macro torch_libraries: the libraries of torch and CUDA that an extension links with."""

load("@rules_cc//cc:defs.bzl", "cc_import")

# Public by necessity: torch repositories load it. No interface: it may change at any time.
visibility("public")

def torch_libraries(cuda):
    """Declares a `cc_import` for the interface of each library, `lib/lib<name>.so`.

    An interface library holds only what a linker reads, under 2 % of the real size. At run time the loader finds the real
    libraries by their SONAME, in the process that imported torch.

    Args:
        cuda: Whether the torch has CUDA.

    Returns:
        The names of the targets, which are those of the libraries, such as `torch_cpu`.
    """
    names = ["c10", "torch", "torch_cpu", "torch_python"]
    if cuda:
        names += ["c10_cuda", "cudart", "nvrtc", "torch_cuda"]
    for name in names:
        cc_import(
            name = name,
            interface_library = "lib/lib{}.so".format(name),
            system_provided = True,
        )
    return names
