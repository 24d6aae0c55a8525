"""Lock files of Debian packages: a closed set of .deb files of one suite, each with its SHA-256.

A lock is JSON:

- `schema`: 1. A reader refuses other numbers.
- `suite`, `architecture`: such as `trixie` and `amd64`.
- `timestamp`: a time at which Debian's archive had every file, as its snapshot archive writes it: `20251125T120000Z`.
- `requested`: the packages asked for; `exclude`: packages of their closure that are left out.
- `packages`: each with `name`, `version`, `architecture`, `filename` (path in a mirror, `pool/…`), `size` in bytes and
  `sha256` of the file.

bazel/fetch/debian.bzl reads the same files.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from bazel.fetch.command import CommandError

SCHEMA = 1


@dataclasses.dataclass(frozen=True)
class Package:
    """One .deb file; `size` is in bytes, `sha256` the digest of the file, `filename` its path in a mirror."""

    name: str
    version: str
    architecture: str
    filename: str
    size: int
    sha256: str

    @property
    def spec(self) -> str:
        """The package as `apt-get` takes it."""
        return f"{self.name}:{self.architecture}={self.version}"


@dataclasses.dataclass(frozen=True)
class Lock:
    """A closed set of packages of one suite; the fields are those of the file."""

    suite: str
    architecture: str
    timestamp: str
    requested: tuple[str, ...]
    exclude: tuple[str, ...]
    packages: tuple[Package, ...]

    def write(self, path: Path) -> None:
        data = {"schema": SCHEMA, **dataclasses.asdict(self)}
        path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Lock:
        """Reads a lock file; one that is none, or of another schema, is a CommandError."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data.pop("schema") != SCHEMA:
                raise ValueError(f"its schema is not {SCHEMA}")
            packages = tuple(Package(**package) for package in data.pop("packages"))
            lists = {key: tuple(data.pop(key)) for key in ("requested", "exclude")}
            return cls(packages=packages, **lists, **data)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CommandError(
                f"{path}: not a lock file of Debian packages ({error}); "
                "write it again with 'python3 -m bazel.fetch.debian lock'"
            ) from error
