"""Starts a worker process, and sends it requests."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from .errors import WorkerError, one_line
from .wheels import Subject

HERE = Path(__file__).resolve().parents[1]


class Worker:
    """One process that has imported one subject.

    Args:
        subject: The unpacked wheel.
        log: The file to which the process's output is appended.
        cache: The directory of DeepGEMM's kernel cache.
        settings: Environment variables.
        program: The process's command line after `python3`.
    """

    def __init__(
        self,
        subject: Subject,
        log: Path,
        cache: Path,
        settings: dict[str, str],
        program: tuple[str, ...] = ("-m", "gpu_check.worker"),
    ) -> None:
        self.subject, self.log = subject, log
        # Without the caller's settings of DeepGEMM's JIT, which would change the measurements.
        inherited = {name: v for name, v in os.environ.items() if not name.startswith(("DG_", "DJ_", "PYTHON"))}
        path = {"PYTHONPATH": os.pathsep.join([str(subject.root), str(HERE)]), "PYTHONNOUSERSITE": "1"}
        with log.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", *program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                env={**inherited, **path, "DG_JIT_CACHE_DIR": str(cache), **settings},
                cwd=log.parent,
                encoding="utf-8",
            )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process."""
        # A process that has ended leaves requests in the buffer, which close() writes.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self._ending()
        self.process.stdout.close()

    def start(self) -> dict[str, Any]:
        """Imports the subject's package."""
        return self.ask("import", module=self.subject.module, root=str(self.subject.root))

    def ask(self, do: str, timeout: float = 240, **arguments: Any) -> dict[str, Any]:
        """Sends a request and returns the answer; WorkerError when there is none within `timeout` seconds."""
        began, timer = time.monotonic(), threading.Timer(timeout, self.process.kill)
        timer.start()
        try:
            print(json.dumps({"do": do, **arguments}), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line.endswith("\n"):
            if time.monotonic() - began >= timeout:
                raise WorkerError(f"no answer to {do!r} within {timeout:.0f} s")
            raise WorkerError(f"its process ended ({self._ending()})")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(one_line(answer["error"]))
        return answer["value"]

    def _ending(self) -> str:
        """Waits for the end of the process, and returns its status and its last words."""
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        lines = self.log.read_text(errors="replace").strip().splitlines()
        # After a signal, faulthandler's first line names the signal; the lines after it are the stack.
        fatal = [line for line in lines if line.startswith("Fatal Python error")]
        return one_line(f"status {status}; {(fatal or lines or ['it said nothing'])[-1]}")
