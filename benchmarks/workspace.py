"""The Bazel that is measured: `./bazelw` of this checkout, with an output base of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


class BenchmarkError(Exception):
    """Why a figure could not be measured, in one line."""


class Bazel:
    """`./bazelw` of this checkout, without the user's own settings.

    Args:
        root: directory of the output base and of the logs.
        jobs: actions at a time.
        configs: names in .bazelrc, for `--config`.
    """

    def __init__(self, root: Path, jobs: int, configs: Sequence[str] = ()) -> None:
        self.jobs = jobs
        self._configs = [f"--config={name}" for name in configs]
        self.output_base = root / "output_base"
        self.logs = root / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self._startup = [f"--output_base={self.output_base}", "--nosystem_rc", "--nohome_rc"]

    def run(self, command: str, *arguments: str) -> str:
        """Runs a command to its end and returns its standard output."""
        log = self.logs / f"{command}.log"
        with log.open("wb") as stream:
            done = subprocess.run(
                [CHECKOUT / "bazelw", *self._startup, command, *arguments],
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                check=False,
            )
        if done.returncode:
            raise BenchmarkError(f"`bazelw {command} {' '.join(arguments)}` ended with {done.returncode}: see {log}")
        return done.stdout

    def build(self, *targets: str, options: Sequence[str] = ()) -> None:
        """Builds with as many jobs as the reference has, and with no cache but the action cache."""
        self.run("build", f"--jobs={self.jobs}", "--disk_cache=", "--remote_cache=", *self._configs, *options, *targets)

    def clean(self) -> None:
        """Empties the action cache and removes all outputs; repositories and the server stay."""
        self.run("clean")

    def shutdown(self) -> None:
        self.run("shutdown")

    def server(self) -> int | None:
        """Returns the process id of the server, or None when there is none."""
        try:
            pid = int((self.output_base / "server" / "server.pid.txt").read_text(encoding="ascii"))
            os.kill(pid, 0)
        except (OSError, ValueError):
            return None
        return pid

    @cached_property
    def execution_root(self) -> Path:
        return Path(self.run("info", "execution_root").strip())

    def repository(self, name: str) -> Path:
        """Directory of a fetched repository, by the last part of its canonical name."""
        external = self.output_base / "external"
        found = [entry for entry in external.iterdir() if re.split("[~+]", entry.name)[-1] == name and entry.is_dir()]
        if len(found) != 1:
            raise BenchmarkError(f"{external} has {len(found)} repositories {name}; expected one")
        return found[0]

    def python_headers(self, version: str) -> Path:
        return self.repository(f"deepgemm_python_{version.replace('.', '_')}") / "include" / f"python{version}"

    def outputs(self, target: str) -> list[Path]:
        """Returns the files that a target builds."""
        files = self.run("cquery", "--output=files", target).split()
        return [self.execution_root / file for file in files]

    def arguments(self, target: str, mnemonic: str) -> list[str]:
        """The arguments of a target's first action of this kind."""
        expression = f'mnemonic("^{mnemonic}$", {target})'
        graph = json.loads(self.run("aquery", "--output=jsonproto", expression))
        if not graph.get("actions"):
            raise BenchmarkError(f"{target} has no action {mnemonic}")
        return graph["actions"][0]["arguments"]


def read_json_objects(file: Path) -> Iterator[dict]:
    """Yields the objects of an execution log, which follow each other without a separator."""
    text, decoder, position = file.read_text(encoding="utf-8"), json.JSONDecoder(), 0
    while position < len(text):
        if text[position].isspace():
            position += 1
        else:
            entry, position = decoder.raw_decode(text, position)
            yield entry
