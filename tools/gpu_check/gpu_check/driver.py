"""Runs every stage for every subject; in timed stages the subjects take turns."""

from __future__ import annotations

import contextlib
import itertools
import queue
import statistics
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .cases import CASES, FIRST_CALLS, OVERLAY_CASES, Case, judge
from .client import Worker, WorkerError
from .install import Subject

IMPORT_ROUNDS = 5
# Two processes of one wheel differ by a few percent for their whole life, so each subject gets several processes.
HOST_PROCESSES, HOST_ROUNDS, HOST_CALLS = 3, 15, 200
RATE_ROUNDS, RATE_CALLS = 9, 4


@dataclass(eq=False)
class Result:
    """The measurements and failures of one subject."""

    subject: Subject
    imports: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)
    first: dict[str, dict[str, float]] = field(default_factory=dict)
    host: dict[str, dict[str, Any]] = field(default_factory=dict)
    rate: dict[str, dict[str, Any]] = field(default_factory=dict)
    kernels: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)


class Run:
    """One run. Failures of a wheel are collected and not raised, so that one run reports all of them."""

    def __init__(self, subjects: list[Subject], seed: int, jobs: int, work: Path) -> None:
        self.results = [Result(subject) for subject in subjects]
        self.seed, self.jobs, self.work = seed, jobs, work
        self.again = Result(subjects[0])
        self.ceilings: dict[str, float] = {}
        self._logs = itertools.count()
        self._lock = threading.Lock()

    def everything(self) -> None:
        """Runs all stages one after the other, so that nothing else runs while one is timed."""
        for stage in (self.time_imports, self.time_first_calls, self.check_numbers, self.time_host, self.time_rates):
            print(f"{stage.__name__.replace('_', ' ')} …", file=sys.stderr, flush=True)
            stage()
        for result in self.results:
            cache = result.subject.cache / "cache"
            result.kernels = sum(1 for entry in cache.iterdir()) if cache.is_dir() else 0

    def time_imports(self) -> None:
        """Times the import of the package after torch's, in a new process each time."""
        times: dict[int, list[dict[str, Any]]] = {}
        for _ in range(IMPORT_ROUNDS):
            for index, result in enumerate(self.results):
                with self._failing(result, "import"), self._worker(result.subject) as worker:
                    times.setdefault(index, []).append(worker.start())
        for index, rounds in times.items():
            self.results[index].imports = {
                "version": rounds[0]["version"],
                "seconds": statistics.median(r["seconds"] for r in rounds),
                "torch_seconds": statistics.median(r["torch_seconds"] for r in rounds),
            }

    def time_first_calls(self) -> None:
        """Times the first call of a process with an empty kernel cache, then of one that finds the kernels on disk."""
        for result in self._usable():
            for cached in (False, True):
                cache = self.work / f"first-{self.results.index(result)}"
                with self._failing(result, "first call"), self._worker(result.subject, cache=cache) as worker:
                    worker.start()
                    for case in FIRST_CALLS:
                        answer = worker.ask("first", case=case.name, seed=self.seed)
                        times = result.first.setdefault(case.name, {})
                        times["cached" if cached else "jit"] = answer["first_seconds"]
                        times["warm"] = answer["warm_seconds"]

    def check_numbers(self) -> None:
        """Checks every case of every subject, in many processes: most of the time is nvcc's and the reference's."""
        tasks: queue.SimpleQueue[tuple[Result, Case]] = queue.SimpleQueue()
        for result in self._usable():
            for case in sorted(
                OVERLAY_CASES if result.subject.partial else CASES.values(), key=lambda c: -c.m * c.n * c.k
            ):
                tasks.put((result, case))
        with ThreadPoolExecutor(self.jobs) as pool:
            for done in [pool.submit(self._serve_checks, tasks) for _ in range(self.jobs)]:
                done.result()

    def _serve_checks(self, tasks: queue.SimpleQueue[tuple[Result, Case]]) -> None:
        with contextlib.ExitStack() as stack:
            worker: Worker | None = None
            while True:
                try:
                    result, case = tasks.get_nowait()
                except queue.Empty:
                    return
                with self._failing(result, case.name):
                    try:
                        if worker is None or worker.subject is not result.subject:
                            stack.close()
                            worker = stack.enter_context(self._worker(result.subject))
                            worker.start()
                        stats = worker.ask("check", case=case.name, seed=self.seed)
                    except WorkerError:
                        # An illegal access makes the CUDA context unusable for the cases that follow.
                        worker = None
                        raise
                    stats["problems"] = judge(stats, case.tolerance)
                    result.checks[case.name] = stats
                    if stats["problems"]:
                        raise WorkerError("; ".join(stats["problems"]))

    def time_host(self) -> None:
        """Times calls on the host: the subjects take turns in each round, the first one twice to show the noise."""
        cases = [case for case in CASES.values() if case.use == "host"]
        results = self._compared()
        if results and results[0] is self.results[0]:
            results.insert(1, self.again)
        medians: dict[tuple[int, str], list[dict[str, float]]] = {}
        for _ in range(HOST_PROCESSES):
            with self._ready("host", results, [case.name for case in cases]) as workers:
                # All subjects of a case before the next case: measurements that are compared are close in time.
                for case in cases:
                    for result, times in self._rounds("host", workers, case.name, HOST_ROUNDS, HOST_CALLS):
                        summary = {key: statistics.median(t[key] for t in times) for key in times[0]}
                        medians.setdefault((results.index(result), case.name), []).append(summary)
        for (index, name), summaries in medians.items():
            results[index].host[name] = {
                "host_seconds": statistics.median(s["host_seconds"] for s in summaries),
                "event_seconds": statistics.median(s["event_seconds"] for s in summaries),
                "processes": summaries,
            }

    def time_rates(self) -> None:
        """Measures TFLOP/s on large shapes, and between them the rate of torch's own product."""
        cases = [case for case in CASES.values() if case.use == "rate"]
        ceilings: dict[str, list[float]] = {f"ceiling {case.dtype}": [] for case in cases}
        with self._ready("rate", self._compared(), [*ceilings, *(case.name for case in cases)]) as workers:
            for case in cases:
                ceiling = f"ceiling {case.dtype}"
                for _, times in self._rounds("rate", workers, ceiling, RATE_ROUNDS, RATE_CALLS):
                    ceilings[ceiling] += [t["flops_per_second"] for t in times]
                for result, times in self._rounds("rate", workers, case.name, RATE_ROUNDS, RATE_CALLS):
                    result.rate[case.name] = {
                        "flops_per_second": statistics.median(t["flops_per_second"] for t in times)
                    }
        self.ceilings = {name.split()[1]: statistics.median(rates) for name, rates in ceilings.items() if rates}

    @contextlib.contextmanager
    def _ready(self, stage: str, results: list[Result], calls: list[str]) -> Iterator[list[tuple[Result, Worker]]]:
        """Yields a worker for each result, with every call of the stage prepared."""
        with contextlib.ExitStack() as stack:
            workers = []
            for result in results:
                with self._failing(result, stage):
                    worker = stack.enter_context(self._worker(result.subject, threads=4))
                    worker.start()
                    for call in calls:
                        worker.ask("prepare", case=call, seed=self.seed)
                    workers.append((result, worker))
            yield workers

    def _rounds(
        self, stage: str, workers: list[tuple[Result, Worker]], call: str, rounds: int, calls: int
    ) -> list[tuple[Result, list[dict[str, Any]]]]:
        """Times a call in every worker in turn, and returns the times of the workers that answered in every round."""
        taken = [(result, []) for result, _ in workers]
        for _ in range(rounds):
            for (result, times), (_, worker) in zip(taken, workers):
                with self._failing(result, stage):
                    times.append(worker.ask("time", case=call, calls=calls))
        return [(result, times) for result, times in taken if len(times) == rounds]

    def _compared(self) -> list[Result]:
        return [result for result in self._usable() if not result.subject.partial]

    def _usable(self) -> list[Result]:
        return [result for result in self.results if result.imports]

    def _worker(self, subject: Subject, **options: Any) -> Worker:
        with self._lock:
            log = self.work / f"worker-{next(self._logs)}.log"
        return Worker(subject, log, **options)

    @contextlib.contextmanager
    def _failing(self, result: Result, what: str) -> Iterator[None]:
        try:
            yield
        except WorkerError as error:
            if (what, str(error)) not in result.failures:
                result.failures.append((what, str(error)))
