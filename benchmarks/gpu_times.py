"""Times a wheel's calls on a Hopper GPU, side by side with another build's: docs/gpu.md.

Two processes of one wheel differ by a few percent for their whole life, so that each wheel gets several processes,
which take turns on one core. The wheel under test is timed twice to show the noise.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import gc
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOOLS = Path(__file__).resolve().parents[1] / "tools"
sys.path[:0] = [str(TOOLS / "gpu_check"), str(TOOLS / "wheel")]

from gpu_check import cli, machine, worker  # noqa: E402
from gpu_check.cases import LARGE, SMALL, Case  # noqa: E402
from gpu_check.checker import Checker  # noqa: E402
from gpu_check.client import Worker  # noqa: E402
from gpu_check.errors import CheckError, WorkerError  # noqa: E402
from gpu_check.wheels import Subject, check_torch, unpack  # noqa: E402

PROCESSES, WARM_UP = 3, 20
# (products, rounds, calls of a round): what a call costs the host, and the rate of the GPU.
HOST, RATE = (SMALL, 15, 200), (LARGE, 9, 4)
CEILING = 8192


class TimingSession(worker.Session):
    """A process that times calls."""

    def __init__(self) -> None:
        self.calls: dict[str, tuple[Callable[[], Any], int]] = {}

    def do_prepare(self, case: dict[str, Any] | None, name: str, seed: int) -> dict[str, Any]:
        """Makes the operands of a call, times its first call and warms it up. No case: torch's own product."""
        import torch  # noqa: PLC0415
        from gpu_check import products  # noqa: PLC0415

        if case is None:
            self.calls[name] = ceiling(name), 2 * CEILING**3
        else:
            # A serving engine passes scales in this layout.
            product = products.build(self.module, Case(**case), seed, self.module.get_mn_major_tma_aligned_tensor)
            rows = int((product.owner >= 0).sum())
            self.calls[name] = product.call, 2 * rows * case["n"] * case["k"]
        torch.cuda.synchronize()
        began = time.perf_counter()
        self.calls[name][0]()
        torch.cuda.synchronize()
        first = time.perf_counter() - began
        for _ in range(WARM_UP):
            self.calls[name][0]()
        torch.cuda.synchronize()
        return {"seconds": first}

    def do_time(self, name: str, count: int) -> dict[str, Any]:
        """Times `count` calls in a row: the host's time of a call, and FLOP/s by CUDA events."""
        import torch  # noqa: PLC0415

        # All processes use the same core, since cores differ in speed.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(os.getppid()))})
        call, flops = self.calls[name]
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        call()
        torch.cuda.synchronize()
        gc.disable()
        start.record()
        began = time.perf_counter()
        for _ in range(count):
            call()
        host = (time.perf_counter() - began) / count
        end.record()
        torch.cuda.synchronize()
        gc.enable()
        return {"host": host, "rate": flops * count / start.elapsed_time(end) * 1e3}


def ceiling(dtype: str) -> Callable[[], Any]:
    """Returns a call of torch's own product (cuBLAS), whose rate is the most that the GPU reaches at present."""
    import torch  # noqa: PLC0415

    a, b = (torch.randn(CEILING, CEILING, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    if dtype == "bf16":
        return lambda: torch.mm(a, b.T)
    one = torch.ones((), device="cuda")
    a8, b8 = a.to(torch.float8_e4m3fn), b.to(torch.float8_e4m3fn)
    return lambda: torch._scaled_mm(a8, b8.T, scale_a=one, scale_b=one, out_dtype=torch.bfloat16, use_fast_accum=True)


class Times:
    """The measurements: for each of their names, the figures of every subject."""

    def __init__(self, checker: Checker, subjects: list[Subject]) -> None:
        self.checker, self.subjects = checker, subjects
        self.figures: dict[str, list[list[float]]] = defaultdict(lambda: [[] for _ in subjects])

    def worker(self, index: int) -> Worker:
        log = self.checker.work / f"times-{index}.log"
        program = (str(Path(__file__).resolve()), "--worker")
        return Worker(self.subjects[index], log, self.checker.work / f"cache-{index}", {}, program)

    def measure(self, cases: list[Case], rounds: int, calls: int, key: str, named: str) -> None:
        """Times calls in a process of each subject. All subjects take turns at a case before the next case."""
        every = {case.name: dataclasses.asdict(case) for case in cases}
        if key == "rate":
            every |= {"bf16": None, "fp8": None}
        with contextlib.ExitStack() as stack:
            workers = [stack.enter_context(self.worker(index)) for index in range(len(self.subjects))]
            for index, process in enumerate(workers):
                self.figures["import, after torch's: ms"][index].append(process.start()["seconds"] * 1e3)
                for name, case in every.items():
                    first = process.ask("prepare", case=case, name=name, seed=self.checker.seed)["seconds"]
                    if key == "host":
                        # The first process compiles the kernel, the others find it in the cache.
                        way = "cached" if self.figures[f"first call, JIT: ms: {name}"][index] else "JIT"
                        self.figures[f"first call, {way}: ms: {name}"][index].append(first * 1e3)
            for name in every:
                for _ in range(rounds):
                    for index, process in enumerate(workers):
                        taken = process.ask("time", name=name, count=calls)[key]
                        self.figures[f"{named}: {name}"][index].append(taken * (1e6 if key == "host" else 1e-12))

    def rows(self) -> list[list[str]]:
        """Returns a table of medians."""
        table = [["", *(subject.label for subject in self.subjects)]]
        for what, figures in self.figures.items():
            medians = [statistics.median(times) for times in figures]
            cells = [f"{value:.4g} ({value / medians[0] - 1:+.1%})" for value in medians[1:]]
            table.append([what, f"{medians[0]:.4g}", *cells])
        return table


def main() -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(prog="gpu_times", description=__doc__)
    parser.add_argument("wheel")
    parser.add_argument("--against", action="append", default=[], metavar="[LABEL=]WHEEL")
    arguments = parser.parse_args(namespace=argparse.Namespace(no_toolkit=False))
    try:
        named, head = cli.wheels(arguments), machine.describe()
        for wheel in named:
            check_torch(wheel, head["torch"])
        with cli.workplace(None) as work:
            subjects = [unpack(wheel, work / f"site-{number}") for number, wheel in enumerate(named)]
            again = dataclasses.replace(subjects[0], label=f"{subjects[0].label}, again")
            times = Times(Checker(work, 1, 1), [subjects[0], again, *subjects[1:]])
            for _ in range(PROCESSES):
                times.measure(*HOST, "host", "host time of a call: µs")
            times.measure(*RATE, "rate", "rate: TFLOP/s")
    except (CheckError, WorkerError, OSError) as error:
        print(f"gpu_times: {error}", file=sys.stderr)
        return 2
    print("\n".join([*(f"{name}: {value}" for name, value in head.items()), "", *cli.markdown(times.rows())]))
    return 0


if __name__ == "__main__":
    sys.exit(worker.serve(TimingSession()) if sys.argv[1:] == ["--worker"] else main())
