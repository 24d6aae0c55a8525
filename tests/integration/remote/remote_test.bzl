"""The macro remote_test: pytest with a clone of this project and with cache servers at hand."""

load("//tests:pytest.bzl", "pytest_test")

def remote_test(name, srcs, lent = "//tests/integration/remote:compiler", products = {}, **kwargs):
    """Runs pytest on `srcs`, which build with a Bazel of their own against servers of their own.

    Args:
        name: The target's name.
        srcs: The test files.
        lent: A `lent_repositories` target: what the inner builds need and the outer one has already.
        products: Variable to target of this build: the variable tells the test where the target's file is.
        **kwargs: Handed on to `pytest_test`.
    """
    targets = {
        "CHECKOUT": "@checkout//:checkout.tar",
        "LENT": lent,
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
        # They measure time, so nothing else runs beside them; with the Central Registry Bazel resolves its modules
        # over the network, and servers listen on loopback.
        tags = [
            "cpu:2",
            "requires-network",
        ],
        timeout = "eternal",
        deps = [":lab"],
        **kwargs
    )
