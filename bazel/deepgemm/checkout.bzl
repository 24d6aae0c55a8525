"""Finds the DeepGEMM checkout that a `deepgemm.local` tag names."""

visibility(["//bazel/deepgemm"])

PATH = attr.string(doc = "The checkout's root, absolute or relative to the workspace. Default: none.")

def checkout_root(rctx):
    """The root of the checkout.

    Args:
        rctx: the context of a repository rule with the attribute `path`.

    Returns:
        path; an error where nothing is there.
    """
    root = rctx.path(rctx.attr.path) if rctx.attr.path.startswith("/") else rctx.workspace_root.get_child(rctx.attr.path)
    if not root.exists:
        fail("deepgemm.local: there is no {}: name the root of a DeepGEMM checkout".format(root))
    return root
