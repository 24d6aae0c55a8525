"""Module extension `qemu`: qemu-user, which runs programs for aarch64 on an x86-64 machine. Only tests need it."""

load(":debian.bzl", "debian_packages")

visibility(["//bazel/...", "//tests/..."])

_PROGRAM = "usr/bin/qemu-aarch64"

def _qemu_repo_impl(rctx):
    debian_packages(rctx, Label("//third_party/debian:qemu.lock.json"), ".debian")

    # The package has a program for each of 40 CPUs, linked statically.
    rctx.symlink(".debian/" + _PROGRAM, "qemu-aarch64")
    for program in rctx.path(".debian/usr/bin").readdir(watch = "no"):
        if program.basename != "qemu-aarch64":
            rctx.delete(program)
    rctx.file("BUILD.bazel", "exports_files([\"qemu-aarch64\"])\n", executable = False)

_qemu_repo = repository_rule(
    implementation = _qemu_repo_impl,
    doc = "`qemu-aarch64` out of Debian's package qemu-user.",
)

def _qemu_impl(mctx):
    _qemu_repo(name = "deepgemm_qemu")
    here = mctx.root_module_has_non_dev_dependency
    return mctx.extension_metadata(
        root_module_direct_deps = ["deepgemm_qemu"] if here else [],
        root_module_direct_dev_deps = [],
        reproducible = True,
    )

qemu = module_extension(
    implementation = _qemu_impl,
    doc = "Makes the repository `deepgemm_qemu`.",
)
