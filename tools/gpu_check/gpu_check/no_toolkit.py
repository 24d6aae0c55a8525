"""`--no-toolkit`: checks that a wheel with kernels runs without a CUDA toolkit and gives the same bits as the JIT.

The check hides the toolkit from the wheel's processes: CUDA_HOME and CUDA_PATH name an empty directory, and no
directory of the PATH has an nvcc. To prove that it is hidden, a call with DG_JIT_AOT=0 must fail.
"""

from __future__ import annotations

import json
import os
import queue
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .cases import TOLERANCES, judge
from .client import Worker, WorkerError
from .errors import CheckError
from .install import FLAT, Subject, Wheel, bundle, install

# DeepJIT prints this line for each kernel that it loads, with DG_JIT_PRINT_LOAD_TIME=1.
_LOADED = re.compile(r"^Load time \((?P<path>.*)\): [\d.]+ ms$", re.MULTILINE)
# No model has a layer of this width, so no set has its kernel.
_FOREIGN = {"kind": "fp8_dense", "groups": 1, "m": 64, "n": 272, "k": 384}
_ARCH = "sm_90a"


@dataclass
class Outcome:
    """The results of the run. Times are in seconds."""

    kernels: int = 0
    other: int = 0
    checked: dict[str, dict[str, Any]] = field(default_factory=dict)
    jit: dict[str, dict[str, Any]] = field(default_factory=dict)
    # For each layer, the time of the first call with each of AOT, JIT and disk cache.
    first: dict[str, dict[str, float]] = field(default_factory=dict)
    loaded: set[str] = field(default_factory=set)
    right: int = 0
    same: int = 0
    failures: list[str] = field(default_factory=list)


class NoToolkit:
    """One run of one wheel."""

    def __init__(self, wheel: Wheel, work: Path, seed: int, jobs: int, *, nvcc: bool) -> None:
        self.wheel, self.work, self.seed, self.jobs, self.nvcc = wheel, work, seed, jobs, nvcc
        self.subject = install(wheel, work / "site-0", work / "jit")
        manifest = self.subject.root / self.subject.module.replace(".", "/") / "aot" / "manifest.json"
        if not manifest.is_file():
            raise CheckError(
                wheel.path.name,
                found="no aot/manifest.json",
                expected="a wheel with kernels",
                fix="build it with deepgemm_wheel(kernels = [...])",
            )
        every = json.loads(manifest.read_text(encoding="utf-8"))["kernels"]
        here = {name: facts for name, facts in every.items() if f"={_ARCH} " in facts["flags"]}
        self.calls = {name: facts["call"] for name, facts in here.items() if facts["call"]}
        if not self.calls:
            raise CheckError(
                wheel.path.name,
                found=f"no kernel for {_ARCH} with an example of a call",
                expected="kernels that were derived from layers",
                fix="give deepgemm_kernels the layers",
            )
        self.outcome = Outcome(len(self.calls), len(every) - len(self.calls))
        self.logs = 0
        self.lock = threading.Lock()
        empty = work / "no-toolkit"
        empty.mkdir()
        path = [entry for entry in os.environ.get("PATH", "").split(os.pathsep) if not Path(entry, "nvcc").exists()]
        self.hidden = {"CUDA_HOME": str(empty), "CUDA_PATH": str(empty), "PATH": os.pathsep.join(path)}

    def worker(self, subject: Subject, environment: dict[str, str], cache: str) -> Worker:
        with self.lock:
            self.logs += 1
            log = self.work / f"no-toolkit-{self.logs}.log"
        return Worker(subject, log, cache=self.work / cache, settings=environment)

    def everything(self) -> Outcome:
        """Runs all stages and returns their results."""
        for stage in (self.hides, self.without_toolkit, self.bundled, self.first_calls, self.with_jit):
            print(f"{stage.__name__.replace('_', ' ')} …", file=sys.stderr, flush=True)
            try:
                stage()
            except WorkerError as error:
                self.outcome.failures.append(f"{stage.__name__.replace('_', ' ')}: {error}")
        return self.outcome

    def hides(self) -> None:
        """With the toolkit hidden, nothing compiles. The error names the missing kernel, and the report lists it."""
        report = self.work / "misses.jsonl"
        some = next(iter(self.calls.values()))
        for call, environment in ((some, {"DG_JIT_AOT": "0"}), (_FOREIGN, {"DG_JIT_AOT_REPORT": str(report)})):
            with self.worker(self.subject, {**self.hidden, **environment}, "hidden") as worker:
                worker.start()
                if worker.ask("sms")["sms"] < 1:
                    self.outcome.failures.append("get_num_sms is no positive number")
                try:
                    worker.ask("shipped", call=call, seed=self.seed)
                    self.outcome.failures.append(f"the toolkit is not hidden: {call} was compiled")
                except WorkerError as error:
                    if "deepgemm_kernels(recorded" not in str(error):
                        self.outcome.failures.append(f"a miss does not say how to add the kernel: {error}")
        if not report.is_file() or '"tag"' not in report.read_text(encoding="utf-8"):
            self.outcome.failures.append("DG_JIT_AOT_REPORT names no kernel after a miss")

    def without_toolkit(self) -> None:
        """With the toolkit hidden, each kernel's product loads it from the package and gives the right numbers."""
        environment = {**self.hidden, "DG_JIT_PRINT_LOAD_TIME": "1"}
        self.outcome.checked = self._run_all(environment, "aot-only", min(self.jobs, 4))
        for log in self.work.glob("no-toolkit-*.log"):
            found = _LOADED.finditer(log.read_text(encoding="utf-8", errors="replace"))
            self.outcome.loaded |= {Path(match["path"]).name for match in found if "/deep_gemm_aot." in match["path"]}
        for name, stats in self.outcome.checked.items():
            problems = judge(stats, TOLERANCES[self.calls[name]["kind"].partition("_")[0], "bf16"])
            self.outcome.right += not problems
            self.outcome.failures += [f"{name}: {problem}" for problem in problems]
        for name in sorted(self.calls.keys() - self.outcome.loaded):
            self.outcome.failures.append(f"{name}: was not loaded by {self.calls[name]}")
        if (self.work / "aot-only" / "cache").exists():
            self.outcome.failures.append("kernels were compiled with the toolkit hidden")

    def bundled(self) -> None:
        """One product of each layer gives the same bits with the package below vllm/third_party."""
        if self.wheel.module != FLAT:
            return
        subject = bundle(self.wheel, self.work / "site-overlay", self.work / "jit-overlay")
        with self.worker(subject, self.hidden, "aot-overlay") as worker:
            worker.start()
            for name, call in self._layers().items():
                answer = worker.ask("shipped", call=call, seed=self.seed)
                if answer["digest"] != self.outcome.checked.get(name, {}).get("digest"):
                    self.outcome.failures.append(f"{name}: other bits below vllm/third_party")

    def first_calls(self) -> None:
        """Times the first product of each layer in new processes: AOT, an empty cache, a filled cache."""
        ways = {"AOT": (self.hidden, "aot-first")}
        if self.nvcc:
            ways["JIT"] = ({"DG_JIT_AOT": "0"}, "jit-first")
            ways["disk cache"] = ({"DG_JIT_AOT": "0"}, "jit-first")
        for way, (environment, cache) in ways.items():
            with self.worker(self.subject, environment, cache) as worker:
                worker.start()
                worker.ask("sms")
                for call in self._layers().values():
                    answer = worker.ask("shipped", call=call, seed=self.seed)
                    self.outcome.first.setdefault(_layer(call), {})[way] = answer["seconds"]

    def with_jit(self) -> None:
        """The kernels that the JIT compiles give the same bits as those of the wheel. Needs nvcc."""
        if not self.nvcc:
            return
        self.outcome.jit = self._run_all({"DG_JIT_AOT": "0"}, "jit", min(self.jobs, 8))
        for name, stats in self.outcome.jit.items():
            if stats["digest"] == self.outcome.checked.get(name, {}).get("digest"):
                self.outcome.same += 1
            else:
                self.outcome.failures.append(f"{name}: other bits than the JIT's kernel gives")

    def _layers(self) -> dict[str, dict[str, Any]]:
        """Returns one kernel of each layer: its name and its example of a call."""
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        for name, call in self.calls.items():
            if not name.startswith("transpose"):
                found.setdefault(_layer(call), (name, call))
        return dict(found.values())

    def _run_all(self, environment: dict[str, str], cache: str, jobs: int) -> dict[str, dict[str, Any]]:
        tasks: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
        for task in sorted(self.calls.items(), key=lambda item: _layer(item[1])):
            tasks.put(task)
        results: dict[str, dict[str, Any]] = {}

        def serve() -> None:
            with self.worker(self.subject, environment, cache) as worker:
                worker.start()
                while True:
                    try:
                        name, call = tasks.get_nowait()
                    except queue.Empty:
                        return
                    try:
                        results[name] = worker.ask("shipped", call=call, seed=self.seed)
                    except WorkerError as error:
                        self.outcome.failures.append(f"{name}: {error}")
                        return

        with ThreadPoolExecutor(jobs) as pool:
            for done in [pool.submit(serve) for _ in range(jobs)]:
                done.result()
        for name in sorted(self.calls.keys() - results.keys()):
            self.outcome.failures.append(f"{name}: {self.calls[name]} gave no result")
        return results


def _layer(call: dict[str, Any]) -> str:
    groups = f"{call['groups']}x" if not call["kind"].endswith("dense") else ""
    return f"{call['kind']} {groups}{call['n']}x{call['k']}"


def text(head: dict[str, str], outcome: Outcome) -> str:
    """Returns the summary that docs/gpu.md shows, as text."""
    lines = [f"{name}: {value}" for name, value in head.items()]
    lines += [
        "",
        f"kernels of the wheel for {_ARCH}: {outcome.kernels}; others, not run: {outcome.other}",
        f"loaded with the toolkit hidden: {len(outcome.loaded)} of {outcome.kernels}",
        f"right products: {outcome.right} of {outcome.kernels}",
        f"same bits as the JIT's kernels: {outcome.same} of {outcome.kernels}"
        if outcome.jit
        else "no nvcc to compare with",
        "",
        "| first call of a layer, ms | AOT, no toolkit | warm disk cache | JIT |",
        "| --- | --- | --- | --- |",
    ]
    for layer, times in outcome.first.items():
        cells = [f"{times[way] * 1e3:.4g}" if way in times else "-" for way in ("AOT", "disk cache", "JIT")]
        lines.append(f"| {layer} | {' | '.join(cells)} |")
    lines += ["", *(f"FAILED {failure}" for failure in outcome.failures)]
    return "\n".join(lines)
