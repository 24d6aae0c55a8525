"""The module extension `debian`: the mirrors that the root module names for Debian packages."""

visibility(["//bazel/...", "//tests/..."])

def _mirrors_repo_impl(rctx):
    rctx.file("mirrors.json", json.encode(rctx.attr.mirrors) + "\n", executable = False)
    rctx.file("BUILD.bazel", 'exports_files(["mirrors.json"])\n', executable = False)

_mirrors_repo = repository_rule(
    implementation = _mirrors_repo_impl,
    doc = "`mirrors.json`, a list of URLs; read when a Debian package is fetched (debian.bzl).",
    attrs = {
        "mirrors": attr.string_list(doc = "URLs of Debian mirrors, best first. Default: none."),
    },
)

_mirror = tag_class(
    doc = "A mirror of Debian to fetch packages from, such as one inside of a company's network. Mirrors are tried in the " +
          "order of the tags: after the one in the environment variable RULES_DEEPGEMM_DEBIAN_MIRROR, before those in the " +
          "machine's apt sources and Debian's snapshot archive. Every file is checked against the SHA-256 of its lock, " +
          "so a mirror cannot change what is built. Only the root module's tags count.",
    attrs = {
        "url": attr.string(
            doc = "The mirror's base URL, below which `pool/` and `dists/` lie, such as `https://mirror.example/debian`. " +
                  "`http`, `https` or `file`; anything else is an error.",
            mandatory = True,
        ),
    },
)

def _url(text):
    if text.partition("://")[0] not in ["http", "https", "file"]:
        fail('debian.mirror: url is "{}"; expected a URL such as "https://mirror.example/debian"'.format(text))
    return text.rstrip("/")

def _debian_impl(mctx):
    tags = [tag for module in mctx.modules if module.is_root for tag in module.tags.mirror]
    _mirrors_repo(name = "deepgemm_debian", mirrors = [_url(tag.url) for tag in tags])
    return mctx.extension_metadata(reproducible = True)

debian = module_extension(
    implementation = _debian_impl,
    doc = "Where Debian packages come from: the hermetic compiler, elfutils' headers, and CPythons that the machine lacks. " +
          "Nothing has to be said where the machine reaches Debian's snapshot archive or has apt sources of Debian.",
    tag_classes = {"mirror": _mirror},
)
