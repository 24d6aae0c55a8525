"""Writes the archive of a release: the same bytes from every clone.

    python3 -m tools.release v0.2.0 --out DIRECTORY

The version is that of MODULE.bazel at the tag. The tag's name, the changelog and every `bazel_dep` in pages and
examples must agree with it. The archive has the committed files, without those that .gitattributes excludes. `HEAD` in
place of a tag is a rehearsal, with all checks but that of the tag's name.

Prints the archive's name, and its integrity as the Bazel Central Registry writes it. Exit code: 0; 1 with one line on
standard error.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bazel.fetch import command
from bazel.fetch.command import CommandError

_NAME = "rules_deepgemm"
_MODULE_VERSION = re.compile(rf'^module\(\s*name = "{_NAME}",\s*version = "([^"]+)"', re.MULTILINE)
# The version as bazel_dep shows it, and the version of the Python package beside the rules.
_SHOWN = re.compile(rf'bazel_dep\(name = "{_NAME}", version = "([^"]+)"\)|^version = "([^"]+)"', re.MULTILINE)
_SHOWING = ("*.md", "*MODULE.bazel", "tools/wheel/pyproject.toml")


def _git(*arguments: str) -> bytes:
    result = subprocess.run(["git", *arguments], capture_output=True, check=False)
    if result.returncode:
        reason = result.stderr.decode(errors="replace").strip().splitlines()
        raise CommandError(f"git {' '.join(arguments)}: {reason[0] if reason else result.returncode}")
    return result.stdout


def version_at(commit: str) -> str:
    """Returns the module's version at a commit, or fails when another file shows another version."""
    found = _MODULE_VERSION.search(_git("show", f"{commit}:MODULE.bazel").decode())
    if not found:
        raise CommandError(f"MODULE.bazel at {commit} has no module() with a name, then a version: write one")
    version = found.group(1)
    if not re.search(rf"^## {re.escape(version)}\b", _git("show", f"{commit}:CHANGELOG.md").decode(), re.MULTILINE):
        raise CommandError(f"CHANGELOG.md has no section {version}, which is the version in MODULE.bazel: write one")
    for name in _git("ls-tree", "-r", "--name-only", "-z", commit).decode().split("\0"):
        if not any(Path(name).match(pattern) for pattern in _SHOWING):
            continue
        for shown in _SHOWN.finditer(_git("show", f"{commit}:{name}").decode()):
            if (shown.group(1) or shown.group(2)) != version:
                raise CommandError(
                    f"{name} shows version {shown.group(1) or shown.group(2)}, MODULE.bazel has {version}: write that"
                )
    return version


def archive(commit: str, version: str, directory: Path) -> Path:
    """Writes the archive. Its times are the commit's, and the user's git settings have no effect."""
    out = directory / f"{_NAME}-{version}.tar.gz"
    settings = ("-c", "tar.umask=0022", "-c", "core.autocrlf=false", "-c", "core.attributesFile=/dev/null")
    tar = _git(*settings, "archive", "--format=tar", f"--prefix={_NAME}-{version}/", commit)
    with out.open("wb") as stream, gzip.GzipFile("", "wb", fileobj=stream, mtime=0) as packed:
        packed.write(tar)
    return out


def release(args: argparse.Namespace) -> None:
    """Checks the versions, writes the archive and prints its name and integrity."""
    commit = _git("rev-parse", "--verify", f"{args.ref}^{{commit}}").decode().strip()
    version = version_at(commit)
    if args.ref not in ("HEAD", f"v{version}"):
        raise CommandError(f"the tag is {args.ref}, MODULE.bazel there has version {version}: tag it v{version}")
    written = archive(commit, version, args.out)
    digest = hashlib.sha256(written.read_bytes()).digest()
    print(f"{written}\nsha256-{base64.b64encode(digest).decode()}")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(prog="release", description=__doc__.splitlines()[0])
    parser.add_argument("ref", help="the tag, v and the version; or HEAD")
    parser.add_argument("--out", type=Path, default=Path(), help="directory of the archive (default: here)")
    return command.run(parser, release, argv)


if __name__ == "__main__":
    sys.exit(main())
