"""A private apt: resolves and downloads packages of any Debian suite, without root.

The machine's proxy and credentials apply, and apt checks Debian's signatures. Nothing that is installed on the machine
is read or changed: apt's state, lists and cache lie in a directory of their own.
"""

from __future__ import annotations

import contextlib
import datetime
import email.utils
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path

from bazel.fetch.command import CommandError
from bazel.fetch.debian_lock import Package

TOOLS = ("apt-get", "apt-cache", "dpkg-deb")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_INSTALL = re.compile(r"^Inst (?P<name>\S+) \((?P<version>\S+) .*\[(?P<architecture>\w+)\]\)", re.MULTILINE)
# The snapshot archive copies Debian's every six hours, and gives the newest copy that is not newer than a timestamp. A
# day after a Release file it has a copy with all of its packages: Debian deletes a file 36 hours after it left a suite.
_SNAPSHOT_DELAY = datetime.timedelta(days=1)


class Apt:
    """apt-get for one suite of one mirror, with its state, lists and cache in the directory `state`.

    Nothing is read from the mirror before `update`.
    """

    def __init__(self, state: Path, mirror: str, suite: str, architecture: str) -> None:
        self.suite, self._state = suite, state
        signed_by = f" signed-by={KEYRING}" if KEYRING.exists() else ""
        (state / "lists" / "partial").mkdir(parents=True)
        (state / "archives" / "partial").mkdir(parents=True)
        (state / "sources.list").write_text(f"deb [arch={architecture}{signed_by}] {mirror} {suite} main\n")
        # Check-Valid-Until: the mirror may be a dated snapshot, whose Release files have expired.
        # Sandbox::User: as root, apt would download as the user _apt, who cannot write into a private directory.
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

    def _run(self, *arguments: str, tool: str = "apt-get", cwd: Path | None = None, show: bool = False) -> str:
        """Runs apt. Its lines go to standard error if `show` is set; else they are returned."""
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

    def update(self) -> None:
        """Downloads the suite's package lists."""
        self._run("update", "--quiet", "--error-on=any")

    def timestamp(self) -> str:
        """A time at which Debian's snapshot archive has every package of the lists, such as `20251125T120000Z`."""
        for release in sorted((self._state / "lists").glob("*Release")):
            if date := re.search(r"^Date: (.+)$", release.read_text(encoding="utf-8"), re.MULTILINE):
                moment = email.utils.parsedate_to_datetime(date[1].replace("UTC", "+0000")) + _SNAPSHOT_DELAY
                return moment.strftime("%Y%m%dT%H%M%SZ")
        raise CommandError(f"the Release file of {self.suite} has no date; use another mirror")

    def resolve(self, names: Sequence[str], exclude: Sequence[str] = ()) -> tuple[Package, ...]:
        """The closure of `names` under Depends and Pre-Depends, less `exclude`, sorted by name."""
        plan = self._run("install", "--simulate", "--quiet", *names)
        wanted = {match["name"]: match["version"] for match in _INSTALL.finditer(plan) if match["name"] not in exclude}
        return self.show([f"{name}={version}" for name, version in wanted.items()])

    def show(self, specs: Sequence[str]) -> tuple[Package, ...]:
        """The packages that `specs` name, such as `patchelf=0.18.0-1`, sorted by name."""
        packages = []
        for stanza in filter(None, self._run("show", *specs, tool="apt-cache").split("\n\n")):
            fields = dict(line.split(": ", 1) for line in stanza.splitlines() if re.match(r"\w[\w-]*: ", line))
            names = ("Package", "Version", "Architecture", "Filename", "Size", "SHA256")
            name, version, architecture, filename, size, sha256 = (fields[key] for key in names)
            packages.append(Package(name, version, architecture, filename, int(size), sha256))
        if not packages:
            raise CommandError(f"apt-cache knows none of {' '.join(specs)} in {self.suite}")
        return tuple(sorted(packages, key=lambda package: package.name))

    def download(self, packages: Sequence[Package], directory: Path) -> list[Path]:
        """Downloads `packages` into `directory` and returns the files, each with the SHA-256 of its package."""
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
                    f"{file.name}: SHA-256 is {found}, expected {package.sha256}; "
                    "nothing was unpacked. Try again, or use another mirror"
                )
            files.append(file)
        return files


@contextlib.contextmanager
def apt(mirror: str, suite: str, architecture: str = "amd64", directory: Path | None = None) -> Iterator[Apt]:
    """An updated Apt with its state in a temporary directory below `directory`."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        raise CommandError(f"{', '.join(missing)} not found: this step needs Debian's package tools")
    with tempfile.TemporaryDirectory(prefix="rules_deepgemm-apt-", dir=directory) as state:
        client = Apt(Path(state).resolve(), mirror, suite, architecture)
        client.update()
        yield client


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
    except FileNotFoundError:
        raise CommandError(f"{file.name}: apt-get did not leave this file behind") from None
    return digest.hexdigest()
