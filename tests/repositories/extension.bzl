"""Module extension with what only this project's own tests need; not for users of the rules."""

load(":checkout_repo.bzl", "checkout_repo")
load(":servers_repo.bzl", "servers_repo")

def _tests_impl(mctx):
    checkout_repo(name = "checkout")
    servers_repo(name = "remote_servers")
    return mctx.extension_metadata(
        root_module_direct_deps = [],
        root_module_direct_dev_deps = ["checkout", "remote_servers"],
        reproducible = True,
    )

tests = module_extension(
    implementation = _tests_impl,
    doc = "Makes `checkout` (this project as one archive) and `remote_servers` (nginx, bubblewrap, buildbox-casd). " +
          "Each is fetched only by the tests that use it.",
)
