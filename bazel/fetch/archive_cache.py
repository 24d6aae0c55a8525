"""Keeps the wheels and sdists that pip downloaded, so that another repository or output base does not download them.

pip's own cache keeps only what the package index marks as cacheable, which mirrors often omit, and keeps nothing of
indices that are directories. This one is addressed by content, as Bazel's repository cache is:

    sha256/<digest>     an archive; its time of modification is the time of its last use
    choices/<key>       digest and file name of the archive that pip chose for one pin and one set of options

Bazel may run several of these programs at a time: each file is written under another name, then renamed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from bazel.fetch.pins import Pin

#: Bytes; when the archives take more, those that were not used for longest are deleted.
LIMIT = 12 << 30
_VARIABLE = "RULES_DEEPGEMM_WHEEL_CACHE"


def cache_directory(environment: Mapping[str, str]) -> Path | None:
    """Returns the cache's directory, or None where there is to be none.

    It is $RULES_DEEPGEMM_WHEEL_CACHE (empty: none), else `wheels` in $RULES_DEEPGEMM_CACHE, else `rules_deepgemm` in
    $PIP_CACHE_DIR, else `rules_deepgemm/wheels` in $XDG_CACHE_HOME or ~/.cache. PIP_NO_CACHE_DIR disables the last two.
    """
    if _VARIABLE in environment:
        named = environment[_VARIABLE]
        return Path(named).absolute() if named else None
    if environment.get("RULES_DEEPGEMM_CACHE"):
        return Path(environment["RULES_DEEPGEMM_CACHE"], "wheels").absolute()
    if environment.get("PIP_NO_CACHE_DIR", "").lower() in ("1", "true", "yes", "on"):
        return None
    if environment.get("PIP_CACHE_DIR"):
        return Path(environment["PIP_CACHE_DIR"], "rules_deepgemm").absolute()
    home = environment.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home, "rules_deepgemm", "wheels") if os.path.isabs(home) else None


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def _link(source: Path, target: Path) -> None:
    """Makes `target` a hard link of `source`, or a copy where they are on two file systems."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        try:
            os.link(source, part)
        except OSError:
            shutil.copyfile(source, part)
        part.replace(target)
    finally:
        # rename() of one hard link over another does nothing and leaves both.
        part.unlink(missing_ok=True)


class ArchiveCache:
    """A cache that fails open: where it cannot be read or written, pip downloads.

    Args:
        directory: where it is; None for a cache that never has anything.
        limit: bytes that the archives may take.
    """

    def __init__(self, directory: Path | None, limit: int = LIMIT) -> None:
        self.directory, self.limit = directory, limit

    def _choice(self, pin: Pin, options: Sequence[str]) -> Path:
        key = hashlib.sha256("\n".join([pin.line, *options]).encode()).hexdigest()
        return self.directory / "choices" / key

    def _archive(self, digest: str) -> Path:
        return self.directory / "sha256" / digest

    def take(self, pin: Pin, options: Sequence[str], out: Path) -> Path | None:
        """Puts the archive that pip once chose for `pin` with these options into `out`; None where there is none.

        A file whose SHA-256 is not one that `pin` has is deleted from the cache.
        """
        if not self.directory:
            return None
        try:
            digest, name = self._choice(pin, options).read_text(encoding="utf-8").split()
            cached, target = self._archive(digest), out / Path(name).name
            _link(cached, target)
            if digest in pin.hashes and sha256(target) == digest:
                os.utime(cached)
                return target
            target.unlink()
            cached.unlink()
        except (OSError, ValueError):
            pass
        return None

    def keep(self, pins: Sequence[Pin], options: Sequence[str], archives: Sequence[Path]) -> None:
        """Adds archives that pip downloaded for `pins` with these options, then deletes old ones beyond the limit."""
        if not self.directory:
            return
        with contextlib.suppress(OSError):
            for name in ("sha256", "choices"):
                (self.directory / name).mkdir(parents=True, exist_ok=True)
            for archive in archives:
                digest = sha256(archive)
                _link(archive, self._archive(digest))
                os.utime(self._archive(digest))
                for pin in pins:
                    if digest in pin.hashes:
                        choice = self._choice(pin, options)
                        part = choice.with_name(f".{choice.name}.{secrets.token_hex(4)}")
                        part.write_text(f"{digest} {archive.name}\n", encoding="utf-8")
                        part.replace(choice)
            self._trim()

    def _trim(self) -> None:
        found = []
        for path in (self.directory / "sha256").iterdir():
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        size = sum(entry[1] for entry in found)
        if size <= self.limit:
            return
        for _, freed, path in sorted(found):
            path.unlink(missing_ok=True)
            size -= freed
            if size <= self.limit:
                break
        for choice in (self.directory / "choices").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if not self._archive(choice.read_text(encoding="utf-8").split(" ")[0]).exists():
                    choice.unlink()
