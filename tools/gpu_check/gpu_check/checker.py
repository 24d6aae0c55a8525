"""Computes products in several processes at a time, and collects what is wrong."""

from __future__ import annotations

import dataclasses
import itertools
import queue
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .cases import Case
from .client import Worker
from .errors import WorkerError
from .wheels import Subject


class Checker:
    """One run. Failures of a wheel are collected and not raised, so that one run reports all of them.

    Args:
        work: The directory of the caches and logs.
        seed: The seed of the random data.
        jobs: Processes at a time.
    """

    def __init__(self, work: Path, seed: int, jobs: int) -> None:
        self.work, self.seed, self.jobs = work, seed, jobs
        self.failures: list[str] = []
        self._logs = itertools.count()

    def worker(self, subject: Subject, cache: str, **settings: str) -> Worker:
        """Returns a process whose kernel cache and log have the name `cache`."""
        return Worker(subject, self.work / f"{cache}-{next(self._logs)}.log", self.work / cache, settings)

    def failing(self, what: str, call: Callable[[], Any]) -> Any:
        """Returns the call's result, or None if it fails, which is then a failure of the wheel."""
        try:
            return call()
        except WorkerError as error:
            self.failures.append(f"{what}: {error}")

    def products(
        self, subject: Subject, cases: dict[str, Any], cache: str, jobs: int | None = None, **settings: str
    ) -> dict[str, Any]:
        """Checks every product of `cases`, by name. The result has those that were computed."""
        jobs = jobs or self.jobs
        results: dict[str, Any] = {}
        starved: dict[str, Any] = {}
        idle: queue.SimpleQueue[Worker | None] = queue.SimpleQueue()
        for _ in range(jobs):
            idle.put(None)

        def check(name: str) -> None:
            worker = idle.get()
            try:
                if worker is None:
                    worker = self.worker(subject, cache, **settings)
                    worker.start()
                results[name] = worker.ask("check", case=cases[name], seed=self.seed)
            except WorkerError as error:
                # After an illegal access, the process can compute nothing more.
                worker.close()
                worker = None
                if "OutOfMemoryError" not in str(error) or jobs == 1:
                    raise
                starved[name] = cases[name]
            finally:
                idle.put(worker)

        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(lambda name: self.failing(f"{subject.label}, {cache}: {name}", lambda: check(name)), cases))
        for _ in range(jobs):
            worker = idle.get()
            if worker:
                worker.close()
        for name, stats in results.items():
            self.failures += [f"{subject.label}, {cache}: {name}: {problem}" for problem in stats["problems"]]
        return results | (self.products(subject, starved, cache, 1, **settings) if starved else {})

    def check_numbers(self, subject: Subject, cases: Iterable[Case], cache: str) -> dict[str, Any]:
        """Checks a wheel on this machine's nvcc. Returns its row of the table, and every measurement."""
        worker = self.worker(subject, cache)
        imported = self.failing(f"{subject.label}: import", worker.start)
        worker.close()
        named = {case.name: dataclasses.asdict(case) for case in cases}
        compiled = self.work / cache / "cache"
        return {
            "label": subject.label,
            "version": imported["version"] if imported else "fails",
            "asked": len(named),
            "checks": self.products(subject, named, cache) if imported else {},
            "kernels": len(list(compiled.iterdir())) if compiled.is_dir() else 0,
        }
