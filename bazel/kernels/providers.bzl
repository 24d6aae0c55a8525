"""The providers of the rules that compile kernels."""

visibility(["//bazel/...", "//tests/..."])

NvccInfo = provider(
    doc = "A CUDA compiler, and every file that it reads besides the sources.",
    fields = {
        "compiler_text": "File: the output of `nvcc --version`, stdout and stderr; part of a kernel's key",
        "cuda_version": "string: the CUDA release, such as `13.0`",
        "files": "depset of File: the toolkit, including nvcc and CUDA's headers",
        "nvcc": "File: the executable",
    },
)

KernelsInfo = provider(
    doc = "A set of compiled kernels for one architecture.",
    fields = {
        "compiler_text": "File: the output of `nvcc --version`, from the nvcc that compiled the kernels",
        "cuda_version": "string: the CUDA release of that nvcc, such as `13.0`",
        "deepgemm": "string: the DeepGEMM version whose headers the kernels are compiled with, such as `2.8.2`",
        "description": "string: `NAME=ARCH=SMS=VERIFIED`, for the manifest; SMS is 0 if recorded kernels may be for any number",
        "parts": "list of File: directories with entries `<tag>.<key>/` and kernels.json",
    },
)
