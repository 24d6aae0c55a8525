"""Unpacks wheels and sdists into a repository: only the wanted members, never outside the target directory."""

from __future__ import annotations

import fnmatch
import os
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
    # fnmatch's * crosses slashes, which is what a pattern for a whole tree needs.
    if include and not any(fnmatch.fnmatchcase(path, pattern) for pattern in include):
        return False
    return not any(fnmatch.fnmatchcase(path, pattern) for pattern in exclude)


def _wheel_destination(path: PurePosixPath) -> PurePosixPath | None:
    """Where an installer would put a member, relative to site-packages; scripts go to bin/."""
    first = path.parts[0]
    if not first.endswith(".data") or len(path.parts) < 3:
        return path
    scheme, rest = path.parts[1], PurePosixPath(*path.parts[2:])
    return {"purelib": rest, "platlib": rest, "scripts": PurePosixPath("bin", rest)}.get(scheme)


def unpack_wheel(archive: Path, out: Path, include: Iterable[str], exclude: Iterable[str]) -> int:
    """Unpacks the members of a wheel that match, and returns how many bytes they take.

    RECORD is left out: it lists files that are not unpacked here, and nothing reads it.
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
    """Unpacks a .tar.gz without its single top directory, and returns how many bytes its files take."""
    if not re.search(r"\.tar\.(gz|bz2|xz)$|\.tgz$", archive.name):
        raise CommandError(f"{archive.name} is not an sdist: a .tar.gz was expected")
    total = 0
    try:
        with tarfile.open(archive) as sdist:
            for member in sdist:
                path = _safe(member.name, archive)
                # Links and devices have no place in the sdists that are used, and a link can lead outside.
                if not member.isfile() or len(path.parts) < 2:
                    continue
                target = out.joinpath(*path.parts[1:])
                target.parent.mkdir(parents=True, exist_ok=True)
                source = sdist.extractfile(member)
                assert source is not None
                with source, open(target, "wb") as sink:
                    shutil.copyfileobj(source, sink, _CHUNK)
                if member.mode & 0o111:
                    os.chmod(target, 0o755)
                total += member.size
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise CommandError(f"{archive.name} is not a whole sdist ({error}): run the same command again") from None
    return total
