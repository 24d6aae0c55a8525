"""Fills the repository of one CPython: headers in include/python3.X, an interpreter to run as bin/python3.

    python_repo.py --minor 3.12 --out DIR [--named PATH] [--sources machine,debian] [--lock LOCK.json]
                   [--error-file FILE]

The CPython is the interpreter `--named`, which must serve, or else the first one of `--sources` that does: `machine` is
the PATH, pyenv's and uv's directories; `debian` the packages of `--lock`. DIR/python.json says what was taken.
Exit code 0; 1 with an error on stderr (or in --error-file) that says what was looked at and what to do.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bazel.fetch import command, debian
from bazel.fetch.command import CommandError
from bazel.pythons import debian_python, discover
from bazel.pythons.discover import Interpreter
from bazel.pythons.headers import copy_headers

SOURCES = ("machine", "debian")


@dataclasses.dataclass(frozen=True)
class Request:
    """What is asked for; the fields are the options of the command line."""

    minor: str
    named: str | None = None
    sources: tuple[str, ...] = SOURCES
    lock: Path | None = None


def take_named(request: Request, root: Path) -> Interpreter:
    """Uses the interpreter that was named, or says why it cannot be used."""
    try:
        found = discover.probe(request.named)
        discover.judge(found, request.minor)
    except CommandError as error:
        raise CommandError(
            f"{request.named}, named for CPython {request.minor}, {error}; name an ordinary CPython "
            f"{request.minor} that has its headers"
        ) from None
    _use(found, root)
    return found


def take_debian(request: Request, root: Path) -> Interpreter:
    """Makes an interpreter out of the Debian packages of the lock."""
    with tempfile.TemporaryDirectory(dir=root) as scratch:
        packages = Path(scratch, "debian")
        packages.mkdir()
        origin = f"third_party/debian/{request.lock.name}"
        debian.fetch(debian.Lock.read(request.lock), packages, origin)
        include = debian_python.lay_out(packages, request.minor, root)
        copy_headers(include, root / f"include/python{request.minor}")
    found = discover.probe(str(root / "bin/python3"))
    discover.judge(found, request.minor)
    return found


def take(request: Request, root: Path) -> tuple[Interpreter, list[str]]:
    """Fills `root` and returns the interpreter with a line for each place that was looked at."""
    if request.named:
        return take_named(request, root), [f"named: {request.named} serves"]
    looked = []
    if "machine" in request.sources:
        found, looked = discover.find(request.minor, os.environ)
        if found:
            _use(found, root)
            return found, looked
    if "debian" in request.sources:
        try:
            if not request.lock:
                raise CommandError(f"has no package of CPython {request.minor} in a suite known here")
            return take_debian(request, root), [*looked, f"debian: {request.lock.name} serves"]
        except CommandError as error:
            looked.append(f"Debian: {error}")
    raise CommandError(
        "\n  ".join([f"no CPython {request.minor} with headers was found. Looked at:", *looked]) + _mend(request.minor)
    )


def _mend(minor: str) -> str:
    return (
        f"\nProvide one: install it with its headers (pyenv install {minor}; uv python install {minor}; Debian: "
        f"apt-get install python{minor} libpython{minor}-dev), or name one with "
        f'pythons.toolchain(python_version = "{minor}", interpreter_path = "/path/to/python{minor}") or, for a target '
        "with headers, headers = …; or narrow Requires-Python."
    )


def _use(found: Interpreter, root: Path) -> None:
    """Copies the headers of an interpreter of the machine, and points at the interpreter itself for tests."""
    foreign = (found.prefix,) if found.prefix.count("/") > 1 else ()
    copy_headers(Path(found.include), root / f"include/python{found.minor}", foreign)
    script = root / "bin/python3"
    script.parent.mkdir(parents=True, exist_ok=True)
    # A link would make CPython look for its library here; through a script it knows where it is.
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(found.executable)} "$@"\n', encoding="utf-8")
    script.chmod(0o755)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minor", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--named")
    parser.add_argument("--sources", type=lambda text: tuple(text.split(",")), default=SOURCES)
    parser.add_argument("--lock", type=Path)

    def act(arguments: argparse.Namespace) -> None:
        root = arguments.out.resolve()
        try:
            found, looked = take(Request(arguments.minor, arguments.named, arguments.sources, arguments.lock), root)
        except (CommandError, OSError):
            for name in ("bin", "include", "lib", "libexec"):
                shutil.rmtree(root / name, ignore_errors=True)
            raise
        taken = {**dataclasses.asdict(found), "looked": looked}
        (root / "python.json").write_text(json.dumps(taken, indent=2) + "\n", encoding="utf-8")

    return command.run(parser, act, argv)


if __name__ == "__main__":
    sys.exit(main())
