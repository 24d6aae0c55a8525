"""The macro remote_test: pytest with a clone of this project and with cache servers at hand."""

load("//tests:pytest.bzl", "pytest_test")

def remote_test(name, srcs, lent = "//tests/remote:compiler", tags = [], **kwargs):
    """Runs pytest on `srcs`, which build with a Bazel of their own against servers of their own.

    Args:
        name: The target's name.
        srcs: The test files.
        lent: A `lent_repositories` target: what the inner builds need and the outer one has already.
        tags: Tags of the test.
        **kwargs: Handed on to `pytest_test`.
    """
    data = [
        lent,
        "//tools/remote:nginx.conf",
        "@checkout//:checkout.tar",
        "@remote_servers//:anchor",
        "@remote_servers//:servers",
    ]
    pytest_test(
        name = name,
        srcs = srcs,
        data = data,
        env = {
            "CHECKOUT": "$(rlocationpath @checkout//:checkout.tar)",
            "LENT": "$(rlocationpath {})".format(lent),
            "NGINX_CONF": "$(rlocationpath //tools/remote:nginx.conf)",
            "SERVERS": "$(rlocationpath @remote_servers//:anchor)",
        },
        # They measure time, so nothing else runs beside them; with the Central Registry Bazel resolves its modules
        # over the network, and servers listen on loopback.
        tags = tags + [
            "cpu:2",
            "requires-network",
        ],
        timeout = "eternal",
        deps = [":lab"],
        **kwargs
    )
