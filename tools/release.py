"""Makes the archive of a release: the same bytes from every clone.

    python3 tools/release.py v0.2.0 --out DIRECTORY

The version is the one in MODULE.bazel at that commit; the tag, the changelog and every `bazel_dep` that the documents
and examples show must agree with it. What is archived is what git has, less what .gitattributes leaves out: uncommitted
edits are not in it. Without a tag (`HEAD`) it is a rehearsal, with the same checks but that of the tag's name.

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

_NAME = "rules_deepgemm"
_MODULE_VERSION = re.compile(rf'^module\(\s*name = "{_NAME}",\s*version = "([^"]+)"', re.MULTILINE)
# Who shows the version to others, as bazel_dep or as the version of the Python package beside the rules.
_SHOWN = re.compile(rf'bazel_dep\(name = "{_NAME}", version = "([^"]+)"\)|^version = "([^"]+)"', re.MULTILINE)
_SHOWING = ("*.md", "*MODULE.bazel", "tools/wheel/pyproject.toml")


class ReleaseError(Exception):
    """Why there is no archive; one line."""


def _git(*arguments: str) -> bytes:
    result = subprocess.run(["git", *arguments], capture_output=True, check=False)
    if result.returncode:
        reason = result.stderr.decode(errors="replace").strip().splitlines()
        raise ReleaseError(f"git {' '.join(arguments)}: {reason[0] if reason else result.returncode}")
    return result.stdout


def version_at(commit: str) -> str:
    """The module's version at a commit, once everything agrees with it."""
    found = _MODULE_VERSION.search(_git("show", f"{commit}:MODULE.bazel").decode())
    if not found:
        raise ReleaseError(f"MODULE.bazel at {commit} has no module() with name and version")
    version = found.group(1)
    if not re.search(rf"^## {re.escape(version)}\b", _git("show", f"{commit}:CHANGELOG.md").decode(), re.MULTILINE):
        raise ReleaseError(f"CHANGELOG.md has no section {version}, which is the version in MODULE.bazel: write one")
    # A file outside the patterns shows no version; one inside may show none either.
    for name in _git("ls-tree", "-r", "--name-only", "-z", commit).decode().split("\0"):
        if not any(Path(name).match(pattern) for pattern in _SHOWING):
            continue
        for shown in _SHOWN.finditer(_git("show", f"{commit}:{name}").decode()):
            if (shown.group(1) or shown.group(2)) != version:
                raise ReleaseError(
                    f"{name} shows version {shown.group(1) or shown.group(2)}, MODULE.bazel has {version}: write that"
                )
    return version


def archive(commit: str, version: str, directory: Path) -> Path:
    """Writes the archive; times are the commit's, gzip's own is none, and a person's git settings do not count."""
    out = directory / f"{_NAME}-{version}.tar.gz"
    settings = ("-c", "tar.umask=0022", "-c", "core.autocrlf=false", "-c", "core.attributesFile=/dev/null")
    tar = _git(*settings, "archive", "--format=tar", f"--prefix={_NAME}-{version}/", commit)
    with out.open("wb") as stream, gzip.GzipFile("", "wb", fileobj=stream, mtime=0) as packed:
        packed.write(tar)
    return out


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="release", description=__doc__.splitlines()[0])
    parser.add_argument("ref", help="the tag, v and the version; or HEAD")
    parser.add_argument("--out", type=Path, default=Path(), help="where the archive goes (default: here)")
    args = parser.parse_args(argv)
    try:
        commit = _git("rev-parse", "--verify", f"{args.ref}^{{commit}}").decode().strip()
        version = version_at(commit)
        if args.ref not in ("HEAD", f"v{version}"):
            raise ReleaseError(f"the tag is {args.ref}, MODULE.bazel there has version {version}: tag it v{version}")
        written = archive(commit, version, args.out)
    except (ReleaseError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    digest = hashlib.sha256(written.read_bytes()).digest()
    print(f"{written}\nsha256-{base64.b64encode(digest).decode()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
