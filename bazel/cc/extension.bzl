"""The module extension `gcc`: the hermetic C++ compiler, one repository for each CPU that it compiles for."""

load("//bazel/platforms:cpus.bzl", "CPUS", "for_cpu")
load(":gcc_repo.bzl", "gcc_repo")

visibility(["//bazel/...", "//tests/..."])

def _gcc_impl(mctx):
    for cpu in CPUS:
        gcc_repo(
            name = for_cpu("deepgemm_gcc", cpu, "_"),
            cpu = cpu,
            gcc_lock = Label("//third_party/debian:{}.lock.json".format(for_cpu("gcc", cpu))),
            sysroot_lock = Label("//third_party/debian:{}.lock.json".format(for_cpu("sysroot", cpu))),
        )
    return mctx.extension_metadata(
        reproducible = True,
    )

gcc = module_extension(
    implementation = _gcc_impl,
    doc = "GCC 14 out of Debian's packages with the sysroot of an older suite. It is fetched when a target is compiled " +
          "with it, and not where another C++ toolchain is chosen. It has no tags.",
)
