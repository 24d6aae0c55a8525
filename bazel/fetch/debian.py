"""Debian packages without root: resolve, lock, fetch, verify and unpack.

apt does the fetching, with a private state of its own: the machine's sources tell the mirror, the machine's proxy and
credentials apply, Debian's signatures are checked, and nothing that is installed on the machine is read or changed.

    python3 -m bazel.fetch.debian lock  --suite trixie --out gcc.lock.json g++-14 binutils
    python3 -m bazel.fetch.debian fetch --lock gcc.lock.json --out DIR

A lock file is JSON: `suite`, `architecture`, `requested` (names as given), `exclude` (names left out of the closure)
and `packages`, each with `name`, `version`, `architecture`, `size` in bytes and `sha256` of the .deb file.

A mirror keeps only a suite's current versions. Where it has dropped one that is locked, `fetch` takes what the suite
has now for the same request, with Debian's signature in the place of the lock's hashes, and says what differs.

Environment: RULES_DEEPGEMM_DEBIAN_MIRROR names the mirror to use instead of the machine's own;
RULES_DEEPGEMM_DEBIAN_STRICT=1 makes a locked version that the mirror has dropped an error.
Exit status: 0; 1 with one line on standard error when something is missing, does not match or cannot be reached.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path

from bazel.fetch import command
from bazel.fetch.command import CommandError

MIRROR_VARIABLE = "RULES_DEEPGEMM_DEBIAN_MIRROR"
STRICT_VARIABLE = "RULES_DEEPGEMM_DEBIAN_STRICT"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# apt's own words for a locked version that the mirror has dropped, and for a suite that it never had.
_NO_VERSION = re.compile(
    r"E: (?:Version '([^']+)' for '([^']+)' was not found|Unable to locate package (\S+)|"
    r"Can't find a source to download version '([^']+)' of '([^']+)')"
)
_INSTALL = re.compile(r"^Inst (?P<name>\S+) \((?P<version>\S+) .*\[(?P<architecture>\w+)\]\)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Package:
    """One .deb file; `size` is in bytes, `sha256` the digest of the file."""

    name: str
    version: str
    architecture: str
    size: int
    sha256: str

    @property
    def spec(self) -> str:
        """The package as `apt-get` takes it."""
        return f"{self.name}:{self.architecture}={self.version}"


@dataclasses.dataclass(frozen=True)
class Lock:
    """A closed set of packages of one suite."""

    suite: str
    architecture: str
    requested: tuple[str, ...]
    exclude: tuple[str, ...]
    packages: tuple[Package, ...]

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(package.size for package in self.packages)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Lock:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            packages = tuple(Package(**package) for package in data.pop("packages"))
            lists = {key: tuple(data.pop(key)) for key in ("requested", "exclude")}
            return cls(packages=packages, **lists, **data)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CommandError(
                f"{path}: not a lock file of Debian packages ({error}); "
                "write it again with 'python3 -m bazel.fetch.debian lock'"
            ) from error


def mirror() -> str:
    """The Debian mirror: the environment's, else the one in the machine's own apt sources."""
    named = os.environ.get(MIRROR_VARIABLE)
    if named:
        return named.rstrip("/")
    found = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)"], capture_output=True, text=True, check=False
    ).stdout.splitlines()
    candidates = [line.split(" ", 1) for line in found if " " in line]
    for release, uri in candidates:
        if "security" not in release and uri.rstrip("/").endswith("/debian"):
            return uri.rstrip("/")
    listed = ", ".join(sorted({uri for _, uri in candidates})) or "none"
    raise CommandError(
        f"no Debian mirror in this machine's apt sources (found: {listed}); name one in {MIRROR_VARIABLE}"
    )


@contextlib.contextmanager
def apt(suite: str, architecture: str = "amd64", directory: Path | None = None) -> Iterator[Apt]:
    """A private apt for one suite, with all its state below `directory`, gone when the context ends."""
    missing = [tool for tool in ("apt-get", "dpkg-deb") if not shutil.which(tool)]
    if missing:
        raise CommandError(f"{' and '.join(missing)} not found: this step needs Debian's package tools")
    with tempfile.TemporaryDirectory(prefix="rules_deepgemm-apt-", dir=directory) as state:
        yield Apt(Path(state).resolve(), suite, architecture)


class Apt:
    """apt-get with its state, lists and cache in `state`."""

    def __init__(self, state: Path, suite: str, architecture: str) -> None:
        self.suite, self.architecture = suite, architecture
        signed_by = f" signed-by={KEYRING}" if KEYRING.exists() else ""
        (state / "lists" / "partial").mkdir(parents=True)
        (state / "archives" / "partial").mkdir(parents=True)
        (state / "sources.list").write_text(f"deb [arch={architecture}{signed_by}] {mirror()} {suite} main\n")
        # The mirror may be a dated snapshot, whose Release files are past their Valid-Until; signatures still hold.
        # As root apt would fetch as user _apt, who cannot write into a private directory.
        self._config = state / "apt.conf"
        self._config.write_text(f"""\
Dir::State "{state}";
Dir::State::lists "{state}/lists";
Dir::State::status "/dev/null";
Dir::Cache "{state}";
Dir::Cache::archives "{state}/archives";
Dir::Etc::sourcelist "{state}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "{architecture}";
APT::Architectures "{architecture}";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "3";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
""")
        self._run("update", "--quiet", "--error-on=any")

    def _run(self, *arguments: str, tool: str = "apt-get", cwd: Path | None = None, show: bool = False) -> str:
        """Runs apt; its lines go to standard error where `show` is set, else they come back."""
        run = subprocess.run(
            [tool, "-c", str(self._config), *arguments],
            cwd=cwd,
            check=False,
            text=True,
            stdout=sys.stderr if show else subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
        )
        if run.returncode:
            lines = [line for line in run.stderr.splitlines() if line.startswith("E:")] or run.stderr.splitlines()
            more = f" (and {len(lines) - 3} more)" if len(lines) > 3 else ""
            raise CommandError(f"{tool} {arguments[0]} ({self.suite}): {'; '.join(lines[:3]) or run.returncode}{more}")
        return run.stdout or ""

    def resolve(self, names: Sequence[str], exclude: Sequence[str] = ()) -> tuple[Package, ...]:
        """The closure of `names` under Depends and Pre-Depends, less `exclude`, sorted by name."""
        plan = self._run("install", "--simulate", "--quiet", *names)
        wanted = {match["name"]: match["version"] for match in _INSTALL.finditer(plan) if match["name"] not in exclude}
        shown = self._run("show", *(f"{name}={version}" for name, version in wanted.items()), tool="apt-cache")
        packages = []
        for stanza in filter(None, shown.split("\n\n")):
            fields = dict(line.split(": ", 1) for line in stanza.splitlines() if re.match(r"\w[\w-]*: ", line))
            packages.append(
                Package(
                    fields["Package"], fields["Version"], fields["Architecture"], int(fields["Size"]), fields["SHA256"]
                )
            )
        if not packages:
            raise CommandError(f"apt-get names no package for {' '.join(names)} in {self.suite}")
        return tuple(sorted(packages, key=lambda package: package.name))

    def download(self, packages: Sequence[Package], directory: Path) -> list[Path]:
        """Fetches `packages` into `directory` and returns the files, each of the locked SHA-256."""
        total = sum(package.size for package in packages)
        print(f"fetching {len(packages)} Debian packages of {self.suite}, {total / 1e6:.0f} MB", file=sys.stderr)
        self._run("download", "--quiet", *(package.spec for package in packages), cwd=directory, show=True)
        files = []
        for package in packages:
            version = urllib.parse.quote(package.version, safe="+~")
            file = directory / f"{package.name}_{version.replace('%3A', '%3a')}_{package.architecture}.deb"
            found = _sha256(file)
            if found != package.sha256:
                raise CommandError(
                    f"{file.name}: SHA-256 is {found}, the lock has {package.sha256}; "
                    "nothing was unpacked. Try again, or another mirror"
                )
            files.append(file)
        return files


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
    except FileNotFoundError:
        raise CommandError(f"{file.name}: apt-get did not leave this file behind") from None
    return digest.hexdigest()


def unpack(files: Sequence[Path], root: Path) -> None:
    """Unpacks .deb files below `root`, as many at a time as there are cores."""

    def one(file: Path) -> None:
        run = subprocess.run(["dpkg-deb", "-x", str(file), str(root)], capture_output=True, text=True, check=False)
        if run.returncode:
            raise CommandError(f"dpkg-deb -x {file.name}: {run.stderr.strip()}")

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, files))


def fetch(lock: Lock, root: Path, origin: str) -> None:
    """Downloads, verifies and unpacks a lock below `root`; `origin` names the lock in messages."""
    with apt(lock.suite, lock.architecture, root) as client, tempfile.TemporaryDirectory(dir=root) as debs:
        try:
            files = client.download(lock.packages, Path(debs))
        except CommandError as error:
            if not _NO_VERSION.search(str(error)):
                raise
            files = client.download(_in_place_of(lock, client, origin, error), Path(debs))
        unpack(files, root)


def _in_place_of(lock: Lock, client: Apt, origin: str, error: CommandError) -> tuple[Package, ...]:
    """What the suite has now for a lock of which the mirror has dropped versions; raises where the lock must hold."""
    update = f"update the lock with: python3 -m bazel.fetch.debian relock {origin}"
    if os.environ.get(STRICT_VARIABLE):
        raise CommandError(f"{error}. The mirror has moved on from {origin}; {update}") from error
    packages = client.resolve(lock.requested, lock.exclude)
    others = [f"{package.name} {package.version}" for package in packages if package not in lock.packages]
    print(
        f"warning: the mirror has moved on from {origin}: taking {', '.join(others)}, which Debian has signed. "
        f"A cache of before has nothing for what is built with them; {update}",
        file=sys.stderr,
    )
    return packages


def lock(suite: str, names: Sequence[str], exclude: Sequence[str] = (), architecture: str = "amd64") -> Lock:
    """Resolves `names` in `suite` as it is now."""
    with apt(suite, architecture) as client:
        return Lock(suite, architecture, tuple(names), tuple(exclude), client.resolve(names, exclude))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    sub = commands.add_parser("lock", help="resolve packages and write a lock file")
    sub.add_argument("--suite", required=True)
    sub.add_argument("--exclude", action="append", default=[], metavar="PACKAGE")
    sub.add_argument("--out", type=Path, required=True)
    sub.add_argument("packages", nargs="+")
    sub = commands.add_parser("relock", help="resolve a lock file's own request again")
    sub.add_argument("lock", type=Path)
    sub = commands.add_parser("fetch", help="download, verify and unpack a lock file's packages")
    sub.add_argument("--lock", type=Path, required=True)
    sub.add_argument("--out", type=Path, required=True)
    sub.add_argument("--origin", help="how messages name the lock file (default: its path)")

    def act(arguments: argparse.Namespace) -> None:
        if arguments.command == "lock":
            lock(arguments.suite, arguments.packages, arguments.exclude).write(arguments.out)
        elif arguments.command == "relock":
            old = Lock.read(arguments.lock)
            lock(old.suite, old.requested, old.exclude, old.architecture).write(arguments.lock)
        else:
            arguments.out.mkdir(parents=True, exist_ok=True)
            fetch(Lock.read(arguments.lock), arguments.out, arguments.origin or str(arguments.lock))

    return command.run(parser, act, argv)


if __name__ == "__main__":
    sys.exit(main())
