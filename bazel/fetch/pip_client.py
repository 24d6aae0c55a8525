"""Runs the host's pip in hash-checking mode and turns its failures into one clear line each.

pip (or uv, which can run pip) is the ordinary client for Python packages: the user's mirrors, proxies, certificates and
credentials work as they do in a shell, and no index address is written down here. Only the standard library is used.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bazel.fetch.command import CommandError

_OLDEST_GLIBC_MINOR = 5

# pip's lines that help nobody who waits for a download; what failed is told once, in the error.
_UNTOLD = ("ERROR:", "Looking in", "Saved ", "Successfully ", "WARNING: Location ")


def find_pip() -> list[str]:
    """The command that runs pip: this Python's own, else through uv."""
    probe = subprocess.run(
        [sys.executable, "-m", "pip", "--version"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if probe.returncode == 0:
        return [sys.executable, "-m", "pip"]
    uv = shutil.which("uv")
    if uv:
        return [uv, "tool", "run", "--python", sys.executable, "pip"]
    raise CommandError(
        f"{sys.executable} has no pip and there is no uv on the PATH, so Python packages cannot be"
        " fetched: install one of them (Debian: apt-get install python3-pip)"
    )


def manylinux_platforms(glibc: str, machine: str = "x86_64") -> list[str]:
    """All platform tags of wheels that run on glibc `glibc`, newest first; `any` is always admitted.

    pip takes what it is given literally and does not know that a manylinux_2_17 wheel suits manylinux_2_28.
    """
    match = re.fullmatch(r"2\.(\d+)", glibc)
    if not match or int(match.group(1)) < _OLDEST_GLIBC_MINOR:
        raise CommandError(f"glibc version {glibc!r} is not of the form 2.MINOR, 2.{_OLDEST_GLIBC_MINOR} or newer")
    minors = range(int(match.group(1)), _OLDEST_GLIBC_MINOR - 1, -1)
    aliases = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    tags = []
    for minor in minors:
        tags.append(f"manylinux_2_{minor}_{machine}")
        if minor in aliases:
            tags.append(f"{aliases[minor]}_{machine}")
    return [*tags, f"linux_{machine}", "any"]


def pip_download(requirements: Path, out: Path, options: list[str], pythonpath: Path | None = None) -> list[Path]:
    """Downloads what `requirements` pins into `out` and returns the files, sorted by name.

    Every requirement must have a hash, and nothing that the file does not name is fetched. pip's lines are passed on as
    they come, so that a long download shows what it is doing and how large it is.
    """
    command = [
        *find_pip(),
        "download",
        "--no-deps",
        "--require-hashes",
        "--progress-bar=off",
        "--requirement",
        str(requirements),
        "--dest",
        str(out),
        *options,
    ]
    # pip unpacks and checks in its temporary directory: beside the result, because /tmp is small on many machines.
    temporary = out / ".tmp"
    temporary.mkdir(parents=True)
    environment = dict(
        os.environ,
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_NO_INPUT="1",
        # Meant for installing into environments; a download touches none.
        PIP_REQUIRE_VIRTUALENV="0",
        PYTHONUNBUFFERED="1",
        TMPDIR=str(temporary),
    )
    if pythonpath:
        # First, so that it comes before any package of the same name.
        environment["PYTHONPATH"] = os.pathsep.join([str(pythonpath), *filter(None, [os.environ.get("PYTHONPATH")])])
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
            if not line.startswith(_UNTOLD):
                print(re.sub(r" \(from -r .*\)$", "", line), end="", flush=True)
    if process.returncode != 0:
        raise CommandError(explain(lines, requirements, process.returncode))
    shutil.rmtree(temporary)
    return sorted(path for path in out.iterdir() if path.is_file())


def explain(lines: list[str], requirements: Path, status: int) -> str:
    """One line for the person who reads it: what was found, what was expected, what to do."""
    text = "\n".join(lines)
    name = requirements.name
    if "No space left on device" in text:
        return "the disk is full: free some space (see the sizes above) and run the same command again"
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
            " the download was cut short or the package index serves another file: run the same command again,"
            " and if it stays so, compare the index with a second one before you change the pin"
        )
    missing = re.search(r"No matching distribution found for ([^\s;]+)", text)
    if missing:
        # With no answer from the index at all pip says the same, so the reason decides.
        if re.search(r"Retrying \(Retry|connection broken|Could not fetch URL", text):
            return (
                f"the package index cannot be reached (looking for {missing.group(1)}): check the network, the proxy"
                " and `python3 -m pip config list`, then run the same command again"
            )
        return (
            f"the package index has no {missing.group(1)} that suits ({name}): check which index"
            " `python3 -m pip config list` names, or pin a version that it has"
        )
    if re.search(r"ReadTimeout|IncompleteRead|Connection broken|ConnectionError|Max retries exceeded", text):
        return "the download broke off: check the network and run the same command again"
    if "--require-hashes" in text:
        return (
            f"{name} does not pin every requirement with == and a --hash=sha256:…: make it again with"
            " the command at its top"
        )
    errors = [line for line in lines if line.startswith("ERROR:")]
    last = errors[-1] if errors else (lines[-1] if lines else "it said nothing")
    return f"pip stopped with exit code {status} while fetching {name}: {last}"
