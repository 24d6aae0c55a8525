"""Starts a worker process, and sends it requests."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .errors import one_line
from .install import Subject

HERE = Path(__file__).resolve().parents[1]


class WorkerError(Exception):
    """A request that a wheel's process failed or did not answer: a result of the check, not a bug of the program."""


class Worker:
    """One process for one subject. A context manager."""

    def __init__(
        self,
        subject: Subject,
        log: Path,
        threads: int = 2,
        cache: Path | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.subject, self.threads, self.log = subject, threads, log
        environment = {
            # Without the caller's settings of DeepGEMM's JIT, which would change the measurements.
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DG_", "DJ_", "PYTHON"))
        }
        environment.update(
            PYTHONPATH=os.pathsep.join([str(subject.root), str(HERE)]),
            PYTHONNOUSERSITE="1",
            DG_JIT_CACHE_DIR=str(cache or subject.cache),
        )
        environment.update(settings or {})
        with log.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", "-m", "gpu_check.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                env=environment,
                cwd=log.parent,
            )
        self.buffer = b""

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        # A process that has ended leaves requests in the buffer, which close() writes.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def start(self) -> dict[str, Any]:
        """Imports the subject's package."""
        return self.ask("import", module=self.subject.module, root=str(self.subject.root), threads=self.threads)

    def ask(self, do: str, timeout: float = 240, **arguments: Any) -> dict[str, Any]:
        """Sends a request and returns the answer; WorkerError when there is none within `timeout` seconds."""
        try:
            self.process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
            self.process.stdin.flush()
            answer = json.loads(self._line(time.monotonic() + timeout))
        except (BrokenPipeError, EOFError):
            raise WorkerError(f"its process ended ({self._ending()})") from None
        except TimeoutError:
            self.process.kill()
            raise WorkerError(f"no answer to {do!r} within {timeout:.0f} s") from None
        if "error" in answer:
            raise WorkerError(one_line(answer["error"]))
        return answer["value"]

    def _line(self, deadline: float) -> bytes:
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self.buffer:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError
                chunk = os.read(self.process.stdout.fileno(), 1 << 16)
                if not chunk:
                    raise EOFError
                self.buffer += chunk
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def _ending(self) -> str:
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            return "it closed its output"
        lines = self.log.read_text(errors="replace").strip().splitlines()
        # After a signal, faulthandler's first line names the signal; the lines after it are the stack.
        fatal = [line for line in lines if line.startswith("Fatal Python error")]
        return one_line(f"status {status}; {(fatal or lines or ['it said nothing'])[-1]}")
