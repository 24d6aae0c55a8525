"""Fills the repository of one CPython: headers in include/python3.X, an interpreter to run as bin/python3.

    python3 -m bazel.pythons.python_repo --minor 3.12 --cpu CPU --out DIR --named PATH
    python3 -m bazel.pythons.python_repo --minor 3.12 --cpu CPU --out DIR --machine [--more]
    python3 -m bazel.pythons.python_repo --minor 3.12 --cpu CPU --out DIR --packages DEBIAN | --no-packages WHY

The CPython is, in this order: the interpreter `--named`, which must be suitable; with `--machine`, the first suitable
one of the PATH and of pyenv's and uv's directories; an interpreter out of the Debian packages that are unpacked in
`--packages`. `--no-packages` says why there are none. An interpreter for another CPU than this machine's is not run.
With `--more`, it is no error to find nothing: the caller makes another call, with packages.

DIR/python.json has what was taken, fields as in probe.py, and `looked`, a line for each place that was looked at. A
later call adds lines to it. It has no `executable` as long as nothing was found.
Exit status: 0; 1 with an error on standard error, and in --error-file, that lists the places and says what to do.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from bazel.fetch import command
from bazel.fetch.command import CommandError
from bazel.fetch.platforms import CPUS, Cpu
from bazel.pythons import debian_python, discover
from bazel.pythons.discover import Interpreter
from bazel.pythons.headers import copy_headers

RESULT = "python.json"


@dataclasses.dataclass(frozen=True)
class Request:
    """What is asked for; the fields are the options of the command line."""

    minor: str
    cpu: Cpu
    named: str | None = None
    machine: bool = False
    more: bool = False
    packages: Path | None = None
    no_packages: str | None = None


def take_named(request: Request, root: Path) -> Interpreter:
    """Uses the interpreter that was named, or says why it cannot be used."""
    try:
        found = discover.probe(request.named)
        discover.check(found, request.minor, request.cpu)
    except CommandError as error:
        raise CommandError(
            f"{request.named}, named for CPython {request.minor}, {error}; name an ordinary CPython "
            f"{request.minor} that has its headers"
        ) from None
    _use(found, root, request.cpu)
    return found


def take_packages(request: Request, root: Path) -> Interpreter:
    """Makes an interpreter out of unpacked Debian packages."""
    minor, cpu = request.minor, request.cpu
    include = debian_python.lay_out(request.packages, minor, cpu, root)
    copy_headers(include, root / f"include/python{minor}", cpu.triplet)
    found = discover.probe(str(root / "bin/python3")) if _runs_here(cpu) else _not_run(request, root)
    discover.check(found, minor, cpu)
    return found


def _runs_here(cpu: Cpu) -> bool:
    return cpu is CPUS.get(os.uname().machine)


def _not_run(request: Request, root: Path) -> Interpreter:
    """What an interpreter of another CPU, laid out below `root`, would report about itself."""
    settings = debian_python.settings(root, request.minor, request.cpu)
    include = root / f"include/python{request.minor}"
    version = re.search(r'#define PY_VERSION\s+"(.+?)"', (include / "patchlevel.h").read_text(encoding="utf-8"))
    return Interpreter(
        implementation="CPython",
        version=version[1] if version else "unknown",
        soabi=settings.get("SOABI"),
        debug=bool(settings.get("Py_DEBUG")),
        free_threaded=bool(settings.get("Py_GIL_DISABLED")),
        include=str(include),
        executable=str(root / "bin/python3"),
        prefix=str(root),
    )


def take(request: Request, root: Path, looked: Sequence[str] = ()) -> tuple[Interpreter | None, list[str]]:
    """Fills `root`; returns the interpreter, and `looked` with a line for each place that was looked at.

    The interpreter is None if none was found and `more` is set.
    """
    looked = list(looked)
    if request.named:
        return take_named(request, root), [*looked, f"named: {request.named} is suitable"]
    if request.machine:
        found, lines = discover.find(request.minor, request.cpu, os.environ)
        looked += lines
        if found:
            _use(found, root, request.cpu)
            return found, looked
        if request.more:
            return None, looked
    try:
        if request.packages:
            return take_packages(request, root), [*looked, "Debian: its packages are suitable"]
        looked.append(f"Debian: {request.no_packages or 'was not to be looked at'}")
    except CommandError as error:
        looked.append(f"Debian: {error}")
    where = "" if _runs_here(request.cpu) else f" for {request.cpu.triplet}"
    lines = [f"no CPython {request.minor}{where} with headers was found. Looked at:", *looked]
    raise CommandError("\n  ".join(lines) + _remedy(request))


def _remedy(request: Request) -> str:
    minor = request.minor
    if not _runs_here(request.cpu):
        return (
            f'\nProvide one: name its headers with pythons.toolchain(python_version = "{minor}", cpu = …, headers = …),'
            " take those of rules_python with pythons.registered(), or leave it out with RULES_DEEPGEMM_ONLY_PYTHON."
        )
    return (
        f"\nProvide one: install it with its headers (pyenv install {minor}; uv python install {minor}; Debian: "
        f"apt-get install python{minor} libpython{minor}-dev; RHEL, Fedora: dnf install python{minor}-devel), or name "
        f'one with pythons.toolchain(python_version = "{minor}", interpreter_path = "/path/to/python{minor}") or, for '
        "a target with headers, headers = …; or take the interpreters of rules_python with pythons.registered(); or "
        "narrow Requires-Python."
    )


def _use(found: Interpreter, root: Path, cpu: Cpu) -> None:
    """Copies the headers of an interpreter of the machine, and points at the interpreter itself for tests."""
    foreign = (found.prefix,) if found.prefix.count("/") > 1 else ()
    copy_headers(Path(found.include), root / f"include/python{found.minor}", cpu.triplet, foreign)
    script = root / "bin/python3"
    script.parent.mkdir(parents=True, exist_ok=True)
    # With a link, CPython would look for its standard library beside the link. A script starts it at its own path.
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(found.executable)} "$@"\n', encoding="utf-8")
    script.chmod(0o755)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minor", required=True)
    parser.add_argument("--cpu", required=True, choices=CPUS)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--named")
    parser.add_argument("--machine", action="store_true")
    parser.add_argument("--more", action="store_true")
    parser.add_argument("--packages", type=Path)
    parser.add_argument("--no-packages")

    def act(arguments: argparse.Namespace) -> None:
        root = arguments.out.resolve()
        result = root / RESULT
        looked = json.loads(result.read_text(encoding="utf-8"))["looked"] if result.exists() else []
        fields = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(Request)}
        fields["cpu"] = CPUS[arguments.cpu]
        found, looked = take(Request(**fields), root, looked)
        taken = {**(dataclasses.asdict(found) if found else {}), "looked": looked}
        result.write_text(json.dumps(taken, indent=2) + "\n", encoding="utf-8")

    return command.run(parser, act, argv)


if __name__ == "__main__":
    sys.exit(main())
