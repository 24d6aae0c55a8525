"""Fetches the packages that a requirement file pins by hash, and puts them into a directory.

    python3 -m bazel.fetch.pip_fetch MODE --requirements R.txt --out DIR [--python 3.12] [--glibc 2.28] …

MODE is `wheels` (unpacked as into one site-packages), `archives` (wheels as they are, under their own names) or `sdist`
(one sdist, unpacked; none of its code runs).

Which wheel is taken depends on the options alone, never on the Python that runs this. DIR is made whole or not at all.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bazel.fetch import command
from bazel.fetch.command import CommandError
from bazel.fetch.pip_client import manylinux_platforms, pip_download
from bazel.fetch.unpack import unpack_sdist, unpack_wheel

_MIB = 1 << 20
# Beside this file unless --backend names it: Bazel may hand the files over from another place.
_BACKEND = Path(__file__).resolve().parent / "sdist_backend"


def _wheel_options(python: str, glibc: str) -> list[str]:
    options = ["--only-binary=:all:"]
    for platform in manylinux_platforms(glibc):
        options += ["--platform", platform]
    if python == "any":
        # Wheels that suit every Python: what is unpacked is then the same on every machine.
        return [*options, "--python-version=3.9", "--implementation=py", "--abi=none"]
    abi = "cp" + python.replace(".", "")
    return [*options, f"--python-version={python}", "--implementation=cp", f"--abi={abi}"]


def _download(args: argparse.Namespace, out: Path) -> list[Path]:
    if args.mode == "sdist":
        options = ["--no-binary=:all:", "--no-build-isolation", "--use-pep517"]
        return pip_download(args.requirements, out, options, pythonpath=args.backend)
    return pip_download(args.requirements, out, _wheel_options(args.python, args.glibc))


def fetch(args: argparse.Namespace) -> None:
    """Downloads beside the target, unpacks, then renames: an interrupted run leaves no half of it."""
    start = time.monotonic()
    args.out = args.out.absolute()
    if args.out.exists() and any(args.out.iterdir()):
        raise CommandError(f"{args.out} is not empty: name a new directory")
    if not args.requirements.is_file():
        raise CommandError(f"{args.requirements} is not a file: name a requirement file pinned by hash")
    work = args.out.with_name(args.out.name + ".partial")
    shutil.rmtree(work, ignore_errors=True)
    try:
        archives = _download(args, work / "archives")
        fetched = sum(path.stat().st_size for path in archives)
        result = work / "result"
        result.mkdir()
        if args.mode == "archives":
            for archive in archives:
                archive.rename(result / archive.name)
            size = fetched
        elif args.mode == "sdist":
            if len(archives) != 1:
                raise CommandError(f"{args.requirements.name} pins {len(archives)} packages, one sdist was expected")
            size = unpack_sdist(archives[0], result)
        else:
            # zlib releases the interpreter lock: two wheels are unpacked at a time.
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
        f"{args.requirements.name}: {fetched / _MIB:.1f} MiB fetched, {size / _MIB:.1f} MiB on disk, {seconds:.0f} s",
        flush=True,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=["wheels", "archives", "sdist"])
    parser.add_argument("--requirements", type=Path, required=True, help="pinned by hash")
    parser.add_argument("--out", type=Path, required=True, help="a directory that is not there yet, or is empty")
    parser.add_argument("--python", default="any", help="CPython whose wheels are taken, as 3.12 (default: any)")
    parser.add_argument("--glibc", default="2.28", help="newest glibc that a wheel may ask for (default: 2.28)")
    parser.add_argument("--include", action="append", default=[], help="glob of members to unpack (default: all)")
    parser.add_argument("--exclude", action="append", default=[], help="glob of members to leave out")
    parser.add_argument(
        "--backend",
        type=Path,
        default=_BACKEND,
        help="directory of the metadata backend for sdists",
    )
    return command.run(parser, fetch, argv)


if __name__ == "__main__":
    sys.exit(main())
