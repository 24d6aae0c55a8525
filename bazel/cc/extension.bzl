"""The module extension `gcc`: the hermetic C++ compiler, in the repository `deepgemm_gcc`."""

load(":gcc_repo.bzl", "gcc_repo")

visibility(["//bazel/...", "//tests/..."])

def _gcc_impl(mctx):
    gcc_repo(
        name = "deepgemm_gcc",
        gcc_lock = Label("//third_party/debian:gcc.lock.json"),
        sysroot_lock = Label("//third_party/debian:sysroot.lock.json"),
    )
    return mctx.extension_metadata(
        reproducible = True,
    )

gcc = module_extension(
    implementation = _gcc_impl,
    doc = "GCC 14 out of Debian's packages with the sysroot of an older suite. It is fetched when a target is compiled " +
          "with it, and not where another C++ toolchain is chosen. It has no tags.",
)
