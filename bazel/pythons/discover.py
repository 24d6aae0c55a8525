"""Finds the CPythons of this machine that extensions can be built for, by running each of them.

A name, a path or a version in a directory's name proves nothing: it may be a shim, PyPy or a debug build. Only what the
interpreter reports about itself counts (probe.py).
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from bazel.fetch.command import CommandError
from bazel.fetch.platforms import Cpu

_PROBE = Path(__file__).with_name("probe.py")
_TIMEOUT_S = 60


@dataclasses.dataclass(frozen=True)
class Interpreter:
    """What an interpreter reports about itself; the fields are those of probe.py."""

    implementation: str
    version: str
    soabi: str | None
    debug: bool
    free_threaded: bool
    include: str
    executable: str
    prefix: str

    @property
    def minor(self) -> str:
        """The version without its patch level, such as 3.12."""
        return ".".join(self.version.split(".")[:2])


def probe(path: str) -> Interpreter:
    """Runs an interpreter and returns what it reports about itself."""
    # PYTHONHOME and the like are meant for the Python that runs this program, and would break another one.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    try:
        run = subprocess.run(
            [path, "-B", str(_PROBE)], capture_output=True, text=True, cwd="/", check=False,
            env=environment, timeout=_TIMEOUT_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return Interpreter(**json.loads(run.stdout.strip().splitlines()[-1]))
    except subprocess.TimeoutExpired:
        raise CommandError(f"does not answer within {_TIMEOUT_S} seconds") from None
    except OSError as error:
        raise CommandError(f"does not run ({error.strerror})") from None
    except (IndexError, TypeError, ValueError):
        said = (run.stderr or run.stdout).strip().splitlines()
        # The reason is a traceback's last line, and the first one of a shell or a shim (127: command not found).
        detail = f": {said[0 if run.returncode == 127 else -1].strip()}" if said else ""
        raise CommandError(f"does not run as a Python (exit code {run.returncode}{detail})") from None


def check(found: Interpreter, minor: str, cpu: Cpu) -> None:
    """Raises a CommandError that says why `found` cannot build extensions for CPython `minor` on `cpu`."""
    if found.implementation != "CPython":
        raise CommandError(f"is {found.implementation} {found.version}, not CPython")
    if found.minor != minor:
        raise CommandError(f"is CPython {found.version}, not {minor}")
    if found.debug:
        raise CommandError(f"is a debug build (SOABI {found.soabi}), whose ABI differs")
    if found.free_threaded:
        raise CommandError(f"is a free-threaded build (SOABI {found.soabi}), whose ABI differs")
    if found.soabi != (soabi := cpu.soabi(minor)):
        raise CommandError(f"has the SOABI {found.soabi}, {soabi} is needed")
    if not Path(found.include, "Python.h").is_file():
        raise CommandError(
            f"has no headers ({found.include}/Python.h is missing); on Debian they are in the "
            f"package libpython{minor}-dev"
        )


def candidates(minor: str, environment: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """Paths at which a CPython `minor` may be on this machine, as (kind of place, path), best first."""
    for directory in environment.get("PATH", "").split(os.pathsep):
        for name in (f"python{minor}", "python3", "python"):
            path = Path(directory, name)
            if os.path.isabs(directory) and os.access(path, os.X_OK):
                yield "PATH", path
    for kind, directory in managed_directories(environment):
        # Users choose the names of these directories (aliases, PyPy, free-threaded builds): every interpreter is run.
        found = directory.glob(f"*/bin/python{minor}")
        yield from ((kind, path) for path in sorted(found, key=_natural, reverse=True))


def managed_directories(environment: Mapping[str, str]) -> list[tuple[str, Path]]:
    """The directories into which pyenv and uv install Pythons."""
    home = environment.get("HOME", "/nonexistent")
    pyenv_root = environment.get("PYENV_ROOT") or _pyenv_root(environment) or f"{home}/.pyenv"
    data = environment.get("XDG_DATA_HOME") or f"{home}/.local/share"
    uv_directory = environment.get("UV_PYTHON_INSTALL_DIR") or f"{data}/uv/python"
    return [("pyenv", Path(pyenv_root, "versions")), ("uv", Path(uv_directory))]


def _pyenv_root(environment: Mapping[str, str]) -> str | None:
    pyenv = shutil.which("pyenv", path=environment.get("PATH"))
    if not pyenv:
        return None
    try:
        run = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False,
                             timeout=_TIMEOUT_S, env=dict(environment))  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout.strip() or None


def _natural(path: Path) -> list[tuple[int, str]]:
    """A key that puts 3.12.10 after 3.12.9."""
    return [(int(digits or 0), text) for digits, text in re.findall(r"(\d+)|(\D+)", str(path))]


def find(minor: str, cpu: Cpu, environment: Mapping[str, str]) -> tuple[Interpreter | None, list[str]]:
    """The first suitable CPython `minor` of the machine (None: none), and a line for each place that was looked at."""
    looked, seen = [], set()
    for kind, path in candidates(minor, environment):
        if (real := os.path.realpath(path)) in seen:
            continue
        seen.add(real)
        try:
            found = probe(str(path))
            check(found, minor, cpu)
        except CommandError as error:
            looked.append(f"{kind}: {path} {error}")
            continue
        return found, [*looked, f"{kind}: {path} is suitable"]
    kinds = {line.split(":")[0] for line in looked}
    places = [("PATH", f"{environment.get('PATH', '')} has no python{minor} or python3")]
    places += [(kind, f"{directory} has no */bin/python{minor}")
               for kind, directory in managed_directories(environment)]  # fmt: skip
    return None, looked + [f"{kind}: {text}" for kind, text in places if kind not in kinds]
