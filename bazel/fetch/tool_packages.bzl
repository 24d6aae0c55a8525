"""Module extension with the Python packages of this module's own tools and tests; not for other modules.

Each repository is fetched when something that is built needs it:

- `deepgemm_pip`: what the tools import.
- `deepgemm_uv`: uv, for `import_check_test` and `tools/pins`.
- `deepgemm_pip_tests`: pytest and what else only this repository's tests import.
"""

load(":wheel_repos.bzl", "unpacked_wheels_repo")

visibility(["//bazel/...", "//tests/..."])

def _pip_impl(mctx):
    for name, pins in [("deepgemm_pip", "requirements"), ("deepgemm_pip_tests", "tests"), ("deepgemm_uv", "uv")]:
        build_file = "site" if pins == "requirements" else pins
        unpacked_wheels_repo(
            name = name,
            build_file = Label("//third_party/pip:{}.BUILD.bazel".format(build_file)),
            requirements = Label("//third_party/pip:{}.txt".format(pins)),
        )
    here = mctx.root_module_has_non_dev_dependency
    return mctx.extension_metadata(
        root_module_direct_deps = ["deepgemm_pip", "deepgemm_uv"] if here else [],
        root_module_direct_dev_deps = ["deepgemm_pip_tests"] if here else [],
        reproducible = True,
    )

pip = module_extension(
    implementation = _pip_impl,
    doc = "Makes the repositories `deepgemm_pip`, `deepgemm_pip_tests` and `deepgemm_uv`.",
)
