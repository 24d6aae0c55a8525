"""A process that imports one wheel's deep_gemm, reads requests as JSON lines and answers with JSON lines.

Each wheel has a process of its own: two builds of one pybind11 module cannot be in one interpreter. To time builds
side by side, their workers take turns.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Callable

from .cases import CASES

# Calls before a measurement, and calls of one measurement.
WARM_UP = 20
LATENCY_CALLS = 50
CEILING = 8192


class Session:
    """The requests: a method do_NAME for each NAME."""

    def __init__(self) -> None:
        self.module: Any = None
        self.calls: dict[str, Callable[[], Any]] = {}
        self.flops: dict[str, int] = {}

    def do_import(self, module: str, root: str, threads: int) -> dict[str, Any]:
        """Imports torch, then the package, which must come from `root`."""
        began = time.perf_counter()
        import torch  # noqa: PLC0415

        torch_done = time.perf_counter()
        self.module = importlib.import_module(module)
        done = time.perf_counter()
        if not Path(self.module.__file__).resolve().is_relative_to(Path(root).resolve()):
            raise RuntimeError(f"{module} was imported from {self.module.__file__}, not from the installed wheel")
        torch.set_num_threads(threads)
        return {
            "torch_seconds": torch_done - began,
            "seconds": done - torch_done,
            "version": getattr(self.module, "__version__", "?"),
        }

    def do_check(self, case: str, seed: int) -> dict[str, Any]:
        """Measures the errors of a case's result."""
        from . import operands  # noqa: PLC0415

        return operands.check(self.module, CASES[case], seed)

    def do_sms(self) -> dict[str, Any]:
        """Returns the number of SMs. DeepGEMM creates its JIT to read it."""
        return {"sms": self.module.get_num_sms()}

    def do_shipped(self, call: dict[str, Any], seed: int) -> dict[str, Any]:
        """Checks a product that needs one kernel of the package, and times its first call."""
        from . import shipped  # noqa: PLC0415

        return shipped.check(self.module, call, seed)

    def do_first(self, case: str, seed: int) -> dict[str, Any]:
        """Times this process's first call, and the median of the calls that follow, with the GPU's work."""
        import torch  # noqa: PLC0415

        call, _ = self._call(case, seed)
        times = []
        for _ in range(1 + LATENCY_CALLS):
            torch.cuda.synchronize()
            began = time.perf_counter()
            call()
            torch.cuda.synchronize()
            times.append(time.perf_counter() - began)
        return {"first_seconds": times[0], "warm_seconds": statistics.median(times[1:])}

    def do_prepare(self, case: str, seed: int) -> dict[str, Any]:
        """Makes the operands of a call that is timed later, and warms it up."""
        import torch  # noqa: PLC0415

        if case.startswith("ceiling "):
            self.calls[case] = _ceiling(case.split()[1])
            self.flops[case] = 2 * CEILING**3
        else:
            self.calls[case], operands = self._call(case, seed)
            self.flops[case] = operands.flops
        for _ in range(WARM_UP):
            self.calls[case]()
        torch.cuda.synchronize()
        return {}

    def do_time(self, case: str, calls: int) -> dict[str, Any]:
        """Times `calls` calls in a row by the host's clock and by CUDA events; both are per call."""
        import torch  # noqa: PLC0415

        from . import operands  # noqa: PLC0415

        call = self.calls[case]
        # All workers use the same core, since cores differ in speed.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(os.getppid()))})
        if case in CASES:
            operands.select_route(self.module, CASES[case])
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        for _ in range(2):
            call()
        torch.cuda.synchronize()
        gc.disable()
        try:
            start.record()
            began = time.perf_counter_ns()
            for _ in range(calls):
                call()
            ended = time.perf_counter_ns()
            end.record()
            torch.cuda.synchronize()
        finally:
            gc.enable()
        seconds = start.elapsed_time(end) / 1e3 / calls
        return {
            "host_seconds": (ended - began) / 1e9 / calls,
            "event_seconds": seconds,
            "flops_per_second": self.flops[case] / seconds,
        }

    def _call(self, name: str, seed: int) -> tuple[Callable[[], Any], Any]:
        from . import operands  # noqa: PLC0415

        case = CASES[name]
        made = operands.build(case, seed, self.module.get_mn_major_tma_aligned_tensor)
        operands.select_route(self.module, case)
        out, _ = operands.output(made)
        return operands.caller(self.module, made, out), made


def _ceiling(dtype: str) -> Callable[[], Any]:
    """Returns a call of torch's own product (cuBLAS), whose rate is the most that the GPU reaches at present."""
    import torch  # noqa: PLC0415

    a, b = (torch.randn(CEILING, CEILING, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    if dtype == "bf16":
        out = torch.empty_like(a)
        return lambda: torch.mm(a, b.T, out=out)
    one = torch.ones((), device="cuda")
    a8, b8 = a.to(torch.float8_e4m3fn), b.to(torch.float8_e4m3fn)
    return lambda: torch._scaled_mm(a8, b8.T, scale_a=one, scale_b=one, out_dtype=torch.bfloat16, use_fast_accum=True)


def main() -> int:
    """Serves requests until the input ends."""
    # Answers have a descriptor of their own; what libraries print goes to the log.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    session = Session()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"value": getattr(session, "do_" + request.pop("do"))(**request)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
