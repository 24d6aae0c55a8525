"""Module extension with the Python libraries of this project's own tools; not for users of the rules."""

load(":pip_repo.bzl", "pip_repo")

def _pip_impl(mctx):
    pip_repo(name = "deepgemm_pip")
    return mctx.extension_metadata(
        root_module_direct_deps = ["deepgemm_pip"] if mctx.root_module_has_non_dev_dependency else [],
        root_module_direct_dev_deps = [] if mctx.root_module_has_non_dev_dependency else ["deepgemm_pip"],
        reproducible = True,
    )

pip = module_extension(
    implementation = _pip_impl,
    doc = "Makes the repository `deepgemm_pip`.",
)
