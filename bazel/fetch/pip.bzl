"""Fetches Python packages by name with the host's pip (or uv), in hash-checking mode."""

load(":host_python.bzl", "run_module")

_BACKEND = [
    Label(":sdist_backend/setuptools/__init__.py"),
    Label(":sdist_backend/setuptools/build_meta.py"),
]

def pip_fetch(rctx, requirements, out, mode = "wheels", python = "any", glibc = "2.28", include = [], exclude = []):
    """Fetches what a requirement file pins into a directory of the repository, or fails with one clear error.

    Which wheel is taken depends on the arguments alone, so that the repository has the same files on every machine.

    Args:
        rctx: the repository context.
        requirements: Label of a requirement file in which everything has `==` and `--hash`; dependencies that it
            does not name are not fetched. An edit of it fetches again.
        out: the directory, relative to the repository; made whole or not at all.
        mode: "wheels" unpacks wheels as into one site-packages (scripts in `bin/`), "archives" keeps the wheel files
            under their own names, "sdist" unpacks the one sdist that is pinned, running none of its code.
        python: the CPython whose wheels are taken, as "3.12", or "any" for those that suit every Python.
        glibc: the newest glibc that a wheel may ask for.
        include: globs (`*` crosses slashes) of the members to unpack; empty for all. Only for "wheels".
        exclude: globs of members to leave out.
    """
    rctx.watch(requirements)
    arguments = [mode, "--requirements", rctx.path(requirements), "--out", rctx.path(out)]
    arguments += ["--python", python, "--glibc", glibc]
    for pattern in include:
        arguments += ["--include", pattern]
    for pattern in exclude:
        arguments += ["--exclude", pattern]
    run_module(rctx, "bazel.fetch.pip_fetch", arguments, data = _BACKEND if mode == "sdist" else [])
