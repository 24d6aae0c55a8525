"""Fetches the packages that a requirement file pins by hash, and puts them into a directory.

    python3 -m bazel.fetch.pip_fetch MODE --requirements R.txt --out DIR [--python 3.12] [--glibc 2.28] …

MODE is `wheels` (unpacked as into one site-packages), `archives` (wheels as they are, under their own names) or `sdist`
(one sdist, unpacked; none of its code runs).

The choice of a wheel depends only on the options, never on the Python that runs this. DIR is complete or does not
exist. Archives that an earlier run downloaded come from a cache (archive_cache.py).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bazel.fetch import command
from bazel.fetch.archive_cache import ArchiveCache, cache_directory
from bazel.fetch.command import CommandError
from bazel.fetch.pins import index_options, read_pins
from bazel.fetch.pip_client import SDIST_OPTIONS, manylinux_platforms, pip_download
from bazel.fetch.unpack import unpack_sdist, unpack_wheel

_MIB = 1 << 20


def _wheel_options(python: str, glibc: str) -> list[str]:
    options = ["--only-binary=:all:"]
    for platform in manylinux_platforms(glibc):
        options += ["--platform", platform]
    if python == "any":
        # Only wheels that serve every Python, so that the same files are unpacked on every machine.
        return [*options, "--python-version=3.9", "--implementation=py", "--abi=none"]
    abi = "cp" + python.replace(".", "")
    return [*options, f"--python-version={python}", "--implementation=cp", f"--abi={abi}"]


def _download(args: argparse.Namespace, work: Path) -> tuple[list[Path], int]:
    """Puts the archives into `work`; returns them, and how many bytes of them came out of the cache."""
    sdist = args.mode == "sdist"
    # Only pip can read requirement files with URLs, markers or options other than those that name indices.
    text = args.requirements.read_text(encoding="utf-8")
    pins = read_pins(text) or []
    if sdist and len(pins) != 1:
        raise CommandError(
            f"{args.requirements.name} has {len(pins)} packages with == and --hash=sha256:…; expected one, an sdist"
        )
    options = SDIST_OPTIONS if sdist else _wheel_options(args.python, args.glibc)
    cache = ArchiveCache(cache_directory(os.environ) if pins else None)
    taken = {pin: archive for pin in pins for archive in [cache.take(pin, options, work)] if archive}
    missing = [pin for pin in pins if pin not in taken]
    downloaded = []
    if missing or not pins:
        requirements = args.requirements
        if taken:
            # Under its own name, which errors mention.
            requirements = work / requirements.name
            lines = [*index_options(text), *(pin.line for pin in missing)]
            requirements.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        downloaded = pip_download(
            requirements,
            work / "downloads",
            options,
            # One cache is enough.
            cached=not cache.directory,
            metadata_of=pins[0] if sdist else None,
        )
        cache.keep(missing, options, downloaded)
    return sorted([*taken.values(), *downloaded]), sum(path.stat().st_size for path in taken.values())


def fetch(args: argparse.Namespace) -> None:
    """Downloads beside the target, unpacks, then renames, so that an interrupted run leaves nothing incomplete."""
    start = time.monotonic()
    args.out = args.out.absolute()
    if args.out.exists() and any(args.out.iterdir()):
        raise CommandError(f"{args.out} is not empty: name a new directory")
    if not args.requirements.is_file():
        raise CommandError(f"{args.requirements} is not a file: name a requirement file pinned by hash")
    work = args.out.with_name(args.out.name + ".partial")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        archives, cached = _download(args, work)
        fetched = sum(path.stat().st_size for path in archives)
        result = work / "result"
        result.mkdir()
        if args.mode == "archives":
            for archive in archives:
                # A hard link to the cache's file would not do: Bazel takes a new link for an edit and reads it again.
                shutil.copyfile(archive, result / archive.name)
            size = fetched
        elif args.mode == "sdist":
            size = unpack_sdist(archives[0], result)
        else:
            # Unpacks two wheels at a time; zlib releases the interpreter lock.
            with ThreadPoolExecutor(max_workers=2) as pool:
                jobs = [pool.submit(unpack_wheel, archive, result, args.include, args.exclude) for archive in archives]
            size = sum(job.result() for job in jobs)
        if args.out.exists():
            args.out.rmdir()
        result.rename(args.out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    seconds = time.monotonic() - start
    print(
        f"{args.requirements.name}: {fetched / _MIB:.1f} MiB, {cached / _MIB:.1f} MiB of them from the cache,"
        f" {size / _MIB:.1f} MiB on disk, {seconds:.0f} s",
        flush=True,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=["wheels", "archives", "sdist"])
    parser.add_argument("--requirements", type=Path, required=True, help="pinned by hash")
    parser.add_argument("--out", type=Path, required=True, help="a new or empty directory")
    parser.add_argument("--python", default="any", help="CPython of the wheels, as 3.12 (default: any, all CPythons)")
    parser.add_argument("--glibc", default="2.28", help="newest glibc that a wheel may ask for (default: 2.28)")
    parser.add_argument("--include", action="append", default=[], help="glob of members to unpack (default: all)")
    parser.add_argument("--exclude", action="append", default=[], help="glob of members to leave out")
    return command.run(parser, fetch, argv)


if __name__ == "__main__":
    sys.exit(main())
