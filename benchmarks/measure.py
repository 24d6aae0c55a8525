"""Measures wall time, CPU time and peak memory of a piece of work and of every process that it starts.

Bazel's actions are children of its server, which outlives the command: /proc has the CPU time of the server and of its
children that have ended. getrusage(2) has that of processes that the benchmark starts itself. Peak memory is the
largest sum of resident memory of all these processes, sampled every tenth of a second.
"""

from __future__ import annotations

import os
import resource
import statistics
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_INTERVAL = 0.1


@dataclass(frozen=True)
class Cost:
    """Wall and CPU time in seconds, peak memory in bytes."""

    wall: float
    cpu: float
    memory: float

    def divided_by(self, other: Cost) -> Cost:
        return Cost(self.wall / other.wall, self.cpu / other.cpu, self.memory / other.memory)


def median(costs: Iterable[Cost]) -> Cost:
    """The median of each figure by itself."""
    costs = list(costs)
    return Cost(*(statistics.median(getattr(cost, name) for cost in costs) for name in ("wall", "cpu", "memory")))


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the program's name, or None when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def _cpu(pid: int | None) -> float:
    """Returns the CPU seconds of a process and of its children that have ended; 0 when there is no such process."""
    fields = _stat(pid) if pid else None
    return sum(int(field) for field in fields[11:15]) / _TICKS if fields else 0.0


def _resident(roots: Iterable[int]) -> int:
    """Returns the bytes of resident memory of these processes and all their descendants."""
    parents, sizes = {}, {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := _stat(int(entry))):
            parents[int(entry)], sizes[int(entry)] = int(fields[1]), int(fields[21]) * _PAGE
    family = set(roots)
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in family and pid not in family}
        family |= more
        grown = bool(more)
    return sum(sizes.get(pid, 0) for pid in family)


def measure(work: Callable[[], object], server: Callable[[], int | None] = lambda: None) -> Cost:
    """Runs `work` and returns its cost. `server` returns the process id of a server that works for it, or None."""
    own = os.getpid()
    peak, ended = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(_INTERVAL):
            own_size = int((_stat(own) or ["0"] * 22)[21]) * _PAGE
            pid = server()
            peak = max(peak, _resident([own, *([pid] if pid else [])]) - own_size)

    before_server = server()
    before = _cpu(before_server), resource.getrusage(resource.RUSAGE_CHILDREN)
    watcher = threading.Thread(target=watch)
    watcher.start()
    begin = time.monotonic()
    try:
        work()
        wall = time.monotonic() - begin
    finally:
        ended.set()
        watcher.join()
    usage, after_server = resource.getrusage(resource.RUSAGE_CHILDREN), server()
    children = usage.ru_utime + usage.ru_stime - before[1].ru_utime - before[1].ru_stime
    # All CPU time of a server that the work itself started belongs to the work.
    cpu = children + _cpu(after_server) - (before[0] if after_server == before_server else 0.0)
    return Cost(wall, cpu, float(peak))
