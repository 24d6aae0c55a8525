"""Fetches locks of Debian packages with Bazel's own downloader, on any Linux, with nothing of Debian installed.

The repository cache, `--downloader_config`, `.netrc` and proxies therefore apply. A file is looked for in this order:

1. the mirror in the environment variable RULES_DEEPGEMM_DEBIAN_MIRROR;
2. the mirrors that the root module names with `debian.mirror` (debian_extension.bzl);
3. the Debian mirrors in the machine's apt sources, if there are any;
4. Debian's snapshot archive at the lock's timestamp. It keeps every version, a mirror only the current ones.

Where all of them lack a file and the machine has apt, the machine's apt fetches the lock (debian.py): what the suite has
now is taken with a warning, or with RULES_DEEPGEMM_DEBIAN_STRICT=1 only what is locked.
"""

load(":host_python.bzl", "fail_fetch", "try_module")

visibility(["//bazel/...", "//tests/..."])

# No other file names this host. Networks that do not reach it rewrite the URL with --downloader_config.
_SNAPSHOT = "https://snapshot.debian.org/archive/debian/{timestamp}"
_MIRROR = "RULES_DEEPGEMM_DEBIAN_MIRROR"
_STRICT = "RULES_DEEPGEMM_DEBIAN_STRICT"
_MIRRORS = Label("@deepgemm_debian//:mirrors.json")
_SCHEMA = 1
_APT = ["apt-get", "apt-cache", "dpkg-deb"]

def read_debian_lock(rctx, lock):
    """Reads a lock; an edit of it fetches the repository again.

    Args:
        rctx: the repository context.
        lock: Label of a lock file; its format is in bazel/fetch/debian_lock.py.

    Returns:
        The lock as a struct with the fields of the file, the packages as structs. Fails for another schema.
    """
    found = json.decode(rctx.read(lock), default = {})
    if type(found) != "dict" or found.get("schema") != _SCHEMA:
        fail_fetch(rctx, "{} is not a lock of Debian packages with schema {}; write it again with: {}".format(
            lock,
            _SCHEMA,
            "python3 -m bazel.fetch.debian lock",
        ))
    found["packages"] = [struct(**package) for package in found["packages"]]
    return struct(**found)

def _mirrors(rctx):
    """URLs of mirrors in the order in which they are tried, without the snapshot archive."""
    named = rctx.getenv(_MIRROR)
    found = [named.rstrip("/")] if named else []
    found += json.decode(rctx.read(_MIRRORS, watch = "no"))
    sources = rctx.path(".apt_sources.json")
    error = try_module(rctx, "bazel.fetch.apt_sources", ["--out", sources])
    if error:
        fail_fetch(rctx, error)
    found += json.decode(rctx.read(sources, watch = "no"))
    rctx.delete(sources)
    return {url: None for url in found}.keys()

def _without_password(url):
    """A URL as an error may show it."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return scheme + "://" + host.split("@")[-1] + slash + path

def _size(packages):
    """`23 packages, 60.2 MB`."""
    size = 0
    for package in packages:
        size += package.size
    tenths = (size + 50000) // 100000
    return "{} Debian packages, {}.{} MB".format(len(packages), tenths // 10, tenths % 10)

def download_debian_packages(rctx, lock, out, keep_paths = False):
    """Downloads the .deb files of a lock, all at the same time.

    Args:
        rctx: the repository context.
        lock: what `read_debian_lock` returned.
        out: string, the directory for the files.
        keep_paths: bool, whether a file keeps its path in the mirror below `out`. Default: False, which keeps only its name.

    Returns:
        A struct: `files`, the paths; `mirrors`, the URLs of mirrors that were tried before the snapshot archive;
        `error`, a string, or None if every file is there.
    """
    mirrors = _mirrors(rctx)
    bases = mirrors + [_SNAPSHOT.format(timestamp = lock.timestamp)]
    rctx.report_progress("downloading " + _size(lock.packages))
    pending = []
    for package in lock.packages:
        path = package.filename if keep_paths else package.filename.split("/")[-1]

        # As apt does: some servers take a plus sign for a blank.
        urls = ["{}/{}".format(base, package.filename.replace("+", "%2B")) for base in bases]
        download = rctx.download(urls, out + "/" + path, sha256 = package.sha256, allow_fail = True, block = False)
        pending.append(struct(download = download, path = rctx.path(out + "/" + path), urls = urls))
    failed = [file for file in pending if not file.download.wait().success]
    error = None
    if failed:
        error = "could not download {}{}, tried {}; the warnings above say why".format(
            failed[0].path.basename,
            " and {} more files".format(len(failed) - 1) if len(failed) > 1 else "",
            ", ".join([_without_password(url) for url in failed[0].urls]),
        )
    return struct(error = error, files = [file.path for file in pending], mirrors = mirrors)

def _unpack(rctx, files, out):
    """Unpacks .deb files into the directory `out`. A .deb is an ar archive with a data.tar of any compression."""
    for file in files:
        rctx.report_progress("unpacking " + file.basename)
        parts = rctx.path(".parts")
        rctx.extract(file, parts)
        for part in parts.readdir(watch = "no"):
            if part.basename.startswith("data.tar"):
                rctx.extract(part, out)
        rctx.delete(parts)

def try_debian_packages(rctx, lock, out):
    """Fetches and unpacks the packages of a lock as `debian_packages` does, but returns its error.

    Args:
        rctx: the repository context.
        lock: Label of a lock file.
        out: string, the directory to unpack into.

    Returns:
        The error as a string; None if all is there.
    """

    # Fetch again when STRICT changes: a lenient fetch may contain unlocked versions.
    rctx.getenv(_STRICT)
    content = read_debian_lock(rctx, lock)
    result = download_debian_packages(rctx, content, ".debs")
    if not result.error:
        _unpack(rctx, result.files, out)
        rctx.delete(".debs")
        return try_module(rctx, "bazel.fetch.relocate", [rctx.path(out)])
    rctx.delete(".debs")
    error = result.error
    if result.mirrors and all([rctx.which(tool) for tool in _APT]):
        origin = "/".join([part for part in [lock.package, lock.name] if part])
        arguments = ["fetch", "--lock", rctx.path(lock), "--out", rctx.path(out), "--origin", origin]
        for mirror in result.mirrors:
            arguments += ["--mirror", mirror]
        failure = try_module(rctx, "bazel.fetch.debian", arguments)
        if not failure:
            return try_module(rctx, "bazel.fetch.relocate", [rctx.path(out)])
        error += "; then with this machine's apt: " + failure
    return "{}. Name a reachable Debian mirror: {}=URL, or debian.mirror(url = …) in MODULE.bazel".format(error, _MIRROR)

def debian_packages(rctx, lock, out, what = None):
    """Fetches and unpacks the packages of a lock, or fails with one error.

    Absolute symbolic links become relative ones into `out`. An edit of the lock, of the environment variables that say
    where files come from, or of a program that takes part fetches the repository again.

    Args:
        rctx: the repository context.
        lock: Label of a lock file; its format is in bazel/fetch/debian_lock.py.
        out: string, the directory to unpack into, relative to the repository.
        what: string, what is being fetched, as the error names it. Default: None, an error with only the repository's name.
    """
    error = try_debian_packages(rctx, lock, out)
    if error:
        fail_fetch(rctx, error, what)
