"""Fetches Python packages by name with the machine's pip (or uv), in hash-checking mode."""

load(":host_python.bzl", "run_module")

visibility(["//bazel/...", "//tests/..."])

_SDIST_BACKEND = Label(":sdist_backend.py")

def pip_fetch(rctx, requirements, out, mode = "wheels", python = "any", glibc = "2.28", include = [], exclude = []):
    """Fetches the packages that a requirement file pins into a directory of the repository.

    The choice of wheels depends only on the arguments, so the repository has the same files on every machine. Archives that
    an earlier fetch downloaded come from the cache of archive_cache.py. An error is one line.

    Args:
        rctx: the repository context.
        requirements: Label of a requirement file in which every package has `==` and `--hash`, or path of one in this
            repository. Dependencies that it does not name are not fetched. An edit of the file fetches again.
        out: string, the directory, relative to the repository. It is complete or does not exist.
        mode: string. "wheels" unpacks wheels as into one site-packages (scripts in `bin/`), "archives" keeps the wheel
            files under their own names, "sdist" unpacks the one sdist that is pinned, and runs none of its code.
        python: string, the CPython whose wheels are fetched, such as "3.12"; "any" for wheels that serve every Python.
        glibc: string, the newest glibc that a wheel may need.
        include: list of globs (`*` crosses slashes) of members to unpack; empty for all. Only for "wheels".
        exclude: list of globs of members to leave out. Only for "wheels".
    """
    if type(requirements) == "Label":
        rctx.watch(requirements)
    arguments = [mode, "--requirements", rctx.path(requirements), "--out", rctx.path(out)]
    arguments += ["--python", python, "--glibc", glibc]
    for pattern in include:
        arguments += ["--include", pattern]
    for pattern in exclude:
        arguments += ["--exclude", pattern]
    run_module(rctx, "bazel.fetch.pip_fetch", arguments, data = [_SDIST_BACKEND] if mode == "sdist" else [])
