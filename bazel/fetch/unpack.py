"""Unpacks wheels and sdists into a directory: only the wanted members, and none outside of it."""

from __future__ import annotations

import fnmatch
import re
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from bazel.fetch.command import CommandError

_CHUNK = 1 << 20


def _safe(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise CommandError(f"{archive.name}: member {name!r} points outside the archive; it is not unpacked")
    return path


def _wanted(path: str, include: list[str], exclude: list[str]) -> bool:
    # fnmatch's * crosses slashes, so that one pattern matches a whole tree.
    if include and not any(fnmatch.fnmatchcase(path, pattern) for pattern in include):
        return False
    return not any(fnmatch.fnmatchcase(path, pattern) for pattern in exclude)


def _wheel_destination(path: PurePosixPath) -> PurePosixPath | None:
    """Returns where an installer puts a member, relative to site-packages; bin/ for scripts; None for other data."""
    first = path.parts[0]
    if not first.endswith(".data") or len(path.parts) < 3:
        return path
    scheme, rest = path.parts[1], PurePosixPath(*path.parts[2:])
    return {"purelib": rest, "platlib": rest, "scripts": PurePosixPath("bin", rest)}.get(scheme)


def unpack_wheel(archive: Path, out: Path, include: Iterable[str], exclude: Iterable[str]) -> int:
    """Unpacks the members of a wheel that match, and returns their size in bytes.

    RECORD is left out: it lists files that may not be unpacked, and nothing reads it.
    """
    include, exclude = list(include), [*exclude, "*.dist-info/RECORD"]
    total = 0
    try:
        with zipfile.ZipFile(archive) as wheel:
            for info in wheel.infolist():
                path = _safe(info.filename, archive)
                destination = _wheel_destination(path)
                if info.is_dir() or destination is None:
                    continue
                if not _wanted(destination.as_posix(), include, exclude):
                    continue
                target = out / destination
                target.parent.mkdir(parents=True, exist_ok=True)
                with wheel.open(info) as source, open(target, "wb") as sink:
                    shutil.copyfileobj(source, sink, _CHUNK)
                if (info.external_attr >> 16) & 0o111:
                    target.chmod(0o755)
                total += info.file_size
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise CommandError(f"{archive.name} is not a whole wheel ({error}): run the same command again") from None
    return total


def unpack_sdist(archive: Path, out: Path) -> int:
    """Unpacks a .tar.gz without its single top directory, and returns the size of its files in bytes.

    A link becomes a copy of the file that it leads to, which must be in the archive.
    """
    if not re.search(r"\.tar\.(gz|bz2|xz)$|\.tgz$", archive.name):
        raise CommandError(f"{archive.name} is not an sdist; expected a .tar.gz: pin one")
    total = 0
    try:
        with tarfile.open(archive) as sdist:
            for member in sdist:
                path = _safe(member.name, archive)
                if member.isdir() or len(path.parts) < 2:
                    continue
                try:
                    source = sdist.extractfile(member)
                except KeyError:
                    source = None
                if not source:
                    raise CommandError(
                        f"{archive.name}: member {member.name!r} is a device, or a link to no file of the archive;"
                        " expected files: pin another sdist"
                    )
                target = out.joinpath(*path.parts[1:])
                target.parent.mkdir(parents=True, exist_ok=True)
                with source, open(target, "wb") as sink:
                    shutil.copyfileobj(source, sink, _CHUNK)
                    total += sink.tell()
                if member.isfile() and member.mode & 0o111:
                    target.chmod(0o755)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise CommandError(f"{archive.name} is not a whole sdist ({error}): run the same command again") from None
    return total
