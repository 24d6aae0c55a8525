"""The macro remote_test: pytest with a clone of this project and real cache servers."""

load("//tests:pytest.bzl", "pytest_test")

visibility(["//tests/..."])

def remote_test(name, srcs, repositories = "//tests/integration/remote:compiler", products = {}, **kwargs):
    """Runs pytest on `srcs`, which start an inner Bazel and cache servers.

    Args:
        name: The target's name.
        srcs: The test files.
        repositories: An `outer_repositories` target: repositories that the inner builds use. Default: the compiler's.
        products: From a variable of the test's environment to the target whose file it names. Default: none.
        **kwargs: Passed to `pytest_test`.
    """
    targets = {
        "CHECKOUT": "@checkout//:checkout.tar",
        "OUTER_REPOSITORIES": repositories,
        "NGINX_CONF": "//tools/remote:nginx.conf",
        "SERVERS": "@remote_servers//:anchor",
    } | products
    pytest_test(
        name = name,
        srcs = srcs,
        data = targets.values() + ["@remote_servers//:servers"],
        env = {
            variable: "$(rlocationpath {})".format(target)
            for variable, target in targets.items()
        },
        # Two Bazels at once need both cores of a small machine. The inner Bazel resolves its modules over the network,
        # and servers listen on loopback.
        tags = [
            "cpu:2",
            "requires-network",
        ],
        timeout = "eternal",
        deps = [":lab"],
        **kwargs
    )
