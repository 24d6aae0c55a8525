"""Debian packages with the machine's own apt: writes locks, and fetches where Bazel's downloader finds no file.

    python3 -m bazel.fetch.debian lock   --suite trixie --out gcc.lock.json g++-14 binutils
    python3 -m bazel.fetch.debian relock gcc.lock.json
    python3 -m bazel.fetch.debian fetch  --lock gcc.lock.json --out DIR

debian_lock.py has the format of a lock. Repository rules fetch locks with Bazel's downloader (debian.bzl), which needs
no apt. They run `fetch` only where every URL of a package failed and the machine has apt. A mirror keeps only a suite's
current versions. Where it has dropped a locked one, `fetch` takes what the suite has now for the same request, which
Debian has signed, and warns which packages differ from the lock.

Environment: RULES_DEEPGEMM_DEBIAN_MIRROR names the mirror to use instead of the machine's own.
RULES_DEEPGEMM_DEBIAN_STRICT=1 makes a package that differs from the lock an error.
Exit status: 0; 1 with one line on standard error when something is missing, does not match or cannot be reached.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bazel.fetch import apt_sources, command
from bazel.fetch.apt import Apt, apt
from bazel.fetch.command import CommandError
from bazel.fetch.debian_lock import Lock, Package

MIRROR_VARIABLE = "RULES_DEEPGEMM_DEBIAN_MIRROR"
STRICT_VARIABLE = "RULES_DEEPGEMM_DEBIAN_STRICT"


def mirrors() -> list[str]:
    """The Debian mirrors of this machine, best first: the environment's, then those in its apt sources."""
    named = os.environ.get(MIRROR_VARIABLE)
    found = ([named.rstrip("/")] if named else []) + apt_sources.mirrors()
    if not found:
        raise CommandError(f"no Debian mirror in {apt_sources.ETC}'s sources; name one in {MIRROR_VARIABLE}")
    return found


def unpack(files: Sequence[Path], root: Path) -> None:
    """Unpacks .deb files below `root`, as many at a time as there are cores."""

    def one(file: Path) -> None:
        run = subprocess.run(["dpkg-deb", "-x", str(file), str(root)], capture_output=True, text=True, check=False)
        if run.returncode:
            raise CommandError(f"dpkg-deb -x {file.name}: {run.stderr.strip()}")

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, files))


def fetch(lock: Lock, root: Path, origin: str, bases: Sequence[str]) -> None:
    """Fetches a lock's packages with apt and unpacks them below `root`, from the first mirror that serves them.

    Args:
        lock: what to fetch.
        root: a directory; nothing is left in it on an error.
        origin: the name of the lock in messages.
        bases: URLs of mirrors, best first; not empty.
    """
    for base in bases:
        try:
            with apt(base, lock.suite, lock.architecture, root) as client:
                packages = _current(lock, client, origin)
                with tempfile.TemporaryDirectory(dir=root) as debs:
                    unpack(client.download(packages, Path(debs)), root)
            return
        except CommandError:
            if base == bases[-1]:
                raise


def _current(lock: Lock, client: Apt, origin: str) -> tuple[Package, ...]:
    """What the suite has now for a lock's request; a CommandError if it is not the lock's and STRICT is set."""
    packages = client.resolve(lock.requested, lock.exclude)
    locked = {(package.name, package.version): package for package in lock.packages}
    for package in packages:
        old = locked.get((package.name, package.version), package)
        if old.sha256 != package.sha256:
            raise CommandError(
                f"{package.filename}: the mirror's SHA-256 is {package.sha256}, {origin} has {old.sha256} for the same "
                "version; nothing was unpacked. Use another mirror"
            )
    others = ", ".join(f"{package.name} {package.version}" for package in packages if package not in lock.packages)
    if others:
        update = f"update the lock with: python3 -m bazel.fetch.debian relock {origin}"
        if os.environ.get(STRICT_VARIABLE):
            raise CommandError(
                f"the mirror has moved on from {origin} ({others}) and {STRICT_VARIABLE} is set; {update}"
            )
        print(
            f"warning: the mirror has moved on from {origin}: taking {others}, which Debian has signed. "
            f"What is built with them differs, so that remote caches miss; {update}",
            file=sys.stderr,
        )
    return packages


def lock(suite: str, architecture: str, names: Sequence[str], exclude: Sequence[str] = ()) -> Lock:
    """Resolves `names` in `suite` as it is now."""
    with apt(mirrors()[0], suite, architecture) as client:
        packages = client.resolve(names, exclude)
        return Lock(suite, architecture, client.timestamp(), tuple(names), tuple(exclude), packages)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    sub = commands.add_parser("lock", help="resolve packages and write a lock file")
    sub.add_argument("--suite", required=True)
    sub.add_argument("--architecture", default="amd64", help="Debian's name of it, such as arm64 (default: amd64)")
    sub.add_argument("--exclude", action="append", default=[], metavar="PACKAGE")
    sub.add_argument("--out", type=Path, required=True)
    sub.add_argument("packages", nargs="+")
    sub = commands.add_parser("relock", help="resolve a lock file's own request again")
    sub.add_argument("lock", type=Path)
    sub = commands.add_parser("fetch", help="download, verify and unpack a lock file's packages")
    sub.add_argument("--lock", type=Path, required=True)
    sub.add_argument("--out", type=Path, required=True)
    sub.add_argument("--origin", help="how messages name the lock file (default: its path)")
    sub.add_argument("--mirror", action="append", metavar="URL", help="in place of the machine's mirrors; repeatable")

    def act(arguments: argparse.Namespace) -> None:
        if arguments.command == "lock":
            lock(arguments.suite, arguments.architecture, arguments.packages, arguments.exclude).write(arguments.out)
        elif arguments.command == "relock":
            old = Lock.read(arguments.lock)
            lock(old.suite, old.architecture, old.requested, old.exclude).write(arguments.lock)
        else:
            old = Lock.read(arguments.lock)
            arguments.out.mkdir(parents=True, exist_ok=True)
            fetch(old, arguments.out, arguments.origin or str(arguments.lock), arguments.mirror or mirrors())

    return command.run(parser, act, argv)


if __name__ == "__main__":
    sys.exit(main())
