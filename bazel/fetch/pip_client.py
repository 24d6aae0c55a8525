"""Runs the machine's pip in hash-checking mode and turns its failures into one clear line each.

pip (or uv, which can run pip) reads the user's configuration, so the user's mirrors, proxies, certificates and
credentials work as they do in a shell.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from bazel.fetch.command import CommandError
from bazel.fetch.pins import Pin
from bazel.fetch.platforms import MANYLINUX_ALIASES

#: Options with which pip downloads an sdist; none of its code runs (`metadata_of` of pip_download).
SDIST_OPTIONS = ["--no-binary=:all:", "--no-build-isolation", "--use-pep517"]
_SDIST_BACKEND = Path(__file__).resolve().with_name("sdist_backend.py")
# pip starts the Python that sys.executable names.
_PIP_WITH_ANOTHER_PYTHON = """
import runpy, sys
sys.executable = sys.argv.pop(1)
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""
_OLDEST_GLIBC_MINOR = 5

# Lines of pip that say nothing about a download's progress. Errors are reported once, by explain().
_HIDDEN = ("ERROR:", "Looking in", "Saved ", "Successfully ", "WARNING: Location ", "  Preparing metadata ")


def find_pip() -> list[str]:
    """Returns the command of a Python that has pip: this one, or else one that uv makes."""
    probe = subprocess.run(
        [sys.executable, "-m", "pip", "--version"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if probe.returncode == 0:
        return [sys.executable]
    uv = shutil.which("uv")
    if uv:
        return [uv, "tool", "run", "--python", sys.executable, "--from", "pip", "python"]
    raise CommandError(
        f"{sys.executable} has no pip, and there is no uv on the PATH; expected one of them to fetch Python packages:"
        " install one (Debian: apt-get install python3-pip)"
    )


def manylinux_platforms(glibc: str, machine: str = "x86_64") -> list[str]:
    """Returns the platform tags of all wheels that run on glibc `glibc`, newest first; the last one is `any`.

    pip compares the tags of `--platform` literally: it does not know that manylinux_2_28 admits manylinux_2_17 wheels.
    """
    match = re.fullmatch(r"2\.(\d+)", glibc)
    if not match or int(match.group(1)) < _OLDEST_GLIBC_MINOR:
        raise CommandError(f"the glibc version is {glibc!r}; expected 2.MINOR, 2.{_OLDEST_GLIBC_MINOR} or newer")
    minors = range(int(match.group(1)), _OLDEST_GLIBC_MINOR - 1, -1)
    tags = []
    for minor in minors:
        tags.append(f"manylinux_2_{minor}_{machine}")
        if minor in MANYLINUX_ALIASES:
            tags.append(f"{MANYLINUX_ALIASES[minor]}_{machine}")
    return [*tags, f"linux_{machine}", "any"]


def pip_download(
    requirements: Path, out: Path, options: list[str], cached: bool = True, metadata_of: Pin | None = None
) -> list[Path]:
    """Downloads the pinned packages of `requirements` into `out`, a new directory, and returns the files by name.

    Every requirement must have a hash. Dependencies that the file does not name are not downloaded. pip's lines are
    printed as they come, so that a long download shows its progress.

    Args:
        requirements: the requirement file.
        out: the directory.
        options: further options of `pip download`, which choose the files.
        cached: whether pip may use its own cache.
        metadata_of: the sdist that is downloaded; None for wheels. `pip download` asks an sdist's build backend for
            metadata, which would run the sdist's code. With this, pip starts sdist_backend.py in place of any Python,
            and that answers with this name and version.
    """
    # pip downloads into its temporary directory, which is beside the result because /tmp is small on many machines.
    temporary = out / ".tmp"
    temporary.mkdir(parents=True)
    pip = ["-m", "pip"]
    if metadata_of:
        python = temporary / "python"
        answer = shlex.join([sys.executable, "-S", str(_SDIST_BACKEND), f"{metadata_of.name}=={metadata_of.version}"])
        python.write_text(f'#!/bin/sh\nexec {answer} "$@"\n', encoding="utf-8")
        python.chmod(0o755)
        pip = ["-c", _PIP_WITH_ANOTHER_PYTHON, str(python)]
    command = [
        *find_pip(),
        *pip,
        "download",
        "--no-deps",
        "--require-hashes",
        # The options choose the files; the Python that runs pip has no say.
        "--ignore-requires-python",
        "--progress-bar=off",
        "--requirement",
        str(requirements),
        "--dest",
        str(out),
        *options,
        *([] if cached else ["--no-cache-dir"]),
    ]
    environment = dict(
        os.environ,
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_NO_INPUT="1",
        # It forbids installing outside of a virtual environment; a download installs nothing.
        PIP_REQUIRE_VIRTUALENV="0",
        PYTHONUNBUFFERED="1",
        TMPDIR=str(temporary),
    )
    lines = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if not line.startswith(_HIDDEN):
                print(re.sub(r" \(from -r .*\)$", "", line), end="", flush=True)
    if process.returncode != 0:
        raise CommandError(explain(lines, requirements, process.returncode))
    shutil.rmtree(temporary)
    return sorted(path for path in out.iterdir() if path.is_file())


def explain(lines: list[str], requirements: Path, status: int) -> str:
    """Returns one line for pip's output `lines` and exit code `status`: what was found, expected, and what to do."""
    text = "\n".join(lines)
    name = requirements.name
    if "No space left on device" in text:
        return "the disk is full: free some space and run the same command again; the sizes are in the lines above"
    mismatch = re.search(
        r"^\s+(\S+)(?: from [^\n]*)?:?\n\s+Expected (\w+) (\S+)\n(?:\s+Expected or [^\n]*\n)*\s+Got\s+(\S+)",
        text,
        re.MULTILINE,
    )
    if "DO NOT MATCH THE HASHES" in text and mismatch:
        what, algorithm, expected, got = mismatch.groups()
        more = " (or another of its hashes there)" if "Expected or" in text else ""
        return (
            f"{what}: the downloaded file has {algorithm} {got}, but {name} pins {expected}{more};"
            " the download was cut short, or the package index serves another file: run the same command again;"
            " if the error stays, compare with another index before you change the pin"
        )
    missing = re.search(r"No matching distribution found for ([^\s;]+)", text)
    if missing:
        # pip prints the same line when the index does not answer. Only the lines before it differ.
        if re.search(r"Retrying \(Retry|connection broken|Could not fetch URL", text):
            return (
                f"the package index cannot be reached (looking for {missing.group(1)}): check the network, the proxy"
                " and `python3 -m pip config list`, then run the same command again"
            )
        return (
            f"the package index has no {missing.group(1)} with the hashes, and for the platform and Python, that {name}"
            " needs: check which index `python3 -m pip config list` names, or pin a version that it has"
        )
    if re.search(r"ReadTimeout|IncompleteRead|Connection broken|ConnectionError|Max retries exceeded", text):
        return "the download broke off: check the network and run the same command again"
    if "--require-hashes" in text:
        return (
            f"{name} does not pin every requirement with == and --hash=sha256:…: write it again with"
            " the command at its top"
        )
    errors = [line for line in lines if line.startswith("ERROR:")]
    last = errors[-1] if errors else (lines[-1] if lines else "it said nothing")
    return f"pip stopped with exit code {status} while fetching {name}: {last}"
