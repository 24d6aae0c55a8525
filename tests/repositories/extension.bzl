"""Module extension with what only this project's own tests need; not for users of the rules."""

load(":checkout_repo.bzl", "checkout_repo")
load(":debian_archive_repo.bzl", "debian_archive_repo")
load(":servers_repo.bzl", "servers_repo")

visibility(["//tests/..."])

# What e2e/smoke fetches on a machine without CPythons.
_COMPILER = ["elfutils", "gcc", "python3.13", "python3.14", "sysroot"]

def _tests_impl(mctx):
    checkout_repo(name = "checkout")
    debian_archive_repo(
        name = "debian_archive",
        locks = [Label("//third_party/debian:elfutils.lock.json")],
    )
    debian_archive_repo(
        name = "debian_archive_of_compiler",
        locks = [Label("//third_party/debian:{}.lock.json".format(name)) for name in _COMPILER],
    )
    servers_repo(name = "remote_servers")
    return mctx.extension_metadata(
        root_module_direct_deps = [],
        root_module_direct_dev_deps = [
            "checkout",
            "debian_archive",
            "debian_archive_of_compiler",
            "remote_servers",
        ],
        reproducible = True,
    )

tests = module_extension(
    implementation = _tests_impl,
    doc = "Makes `checkout` (this project as one archive), `remote_servers` (nginx, bubblewrap, buildbox-casd), " +
          "`debian_archive` (elfutils' packages) and `debian_archive_of_compiler` (the compiler's and CPythons'). " +
          "Each is fetched only by the tests that use it.",
)
