"""What the rules for kernels tell each other."""

visibility(["//bazel/...", "//tests/..."])

NvccInfo = provider(
    doc = "A CUDA compiler, and all that it reads beside the sources.",
    fields = {
        "compiler_text": "File: everything that `nvcc --version` prints; part of a kernel's key",
        "cuda_version": "string: the CUDA release, such as `13.0`",
        "files": "depset of File: the toolkit, nvcc and CUDA's headers among it",
        "nvcc": "File: the executable",
    },
)

KernelsInfo = provider(
    doc = "A set of compiled kernels for one architecture.",
    fields = {
        "compiler_text": "File: everything that `nvcc --version` prints of the nvcc that compiled them",
        "cuda_version": "string: the CUDA release of that nvcc, such as `13.0`",
        "deepgemm": "string: the version of DeepGEMM whose headers they are compiled with",
        "description": "string: `NAME=ARCH=SMS=VERIFIED`, for the manifest; SMS is 0 for recorded kernels of any number",
        "parts": "list of File: directories with entries `<tag>.<key>/` and kernels.json",
    },
)
