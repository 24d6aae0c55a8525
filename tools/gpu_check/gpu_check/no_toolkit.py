"""`--no-toolkit`: checks that a wheel with kernels runs without a CUDA toolkit and gives the same bits as the JIT.

The check hides the toolkit from the wheel's processes: CUDA_HOME and CUDA_PATH name an empty directory, and no
directory of the PATH has an nvcc. To prove that it is hidden, a call with DG_JIT_AOT=0 must fail.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from .checker import Checker
from .errors import CheckError, WorkerError
from .wheels import BUNDLED, Subject, Wheel, unpack

# DeepJIT prints this line for each kernel that it loads, with DG_JIT_PRINT_LOAD_TIME=1.
_LOADED = re.compile(r"^Load time \((?:.*/aot/cache/|.*/deep_gemm_aot\.)(?:.*/)?([^/]+)\): [\d.]+ ms$", re.MULTILINE)
# No model has a layer of this width, so no set has its kernel.
_FOREIGN = {"kind": "fp8_dense", "groups": 1, "m": 64, "n": 272, "k": 384}
_ARCH = "sm_90a"
_WAYS = ("AOT, no toolkit", "warm disk cache", "JIT")


class NoToolkit(Checker):
    """One run of one wheel."""

    def __init__(self, wheel: Wheel, work: Path, seed: int, jobs: int, *, nvcc: bool) -> None:
        super().__init__(work, seed, jobs)
        self.wheel, self.nvcc = wheel, nvcc
        self.subject = unpack(wheel, work / "site-0")
        manifest = self.subject.package / "aot" / "manifest.json"
        if not manifest.is_file():
            raise CheckError(
                f"{wheel.path.name}: found no aot/manifest.json; "
                "expected a wheel with kernels; build it with deepgemm_wheel(kernels = [...])"
            )
        every = json.loads(manifest.read_text(encoding="utf-8"))["kernels"]
        calls = {name: kernel["call"] for name, kernel in every.items() if f"={_ARCH} " in kernel["flags"]}
        self.calls = {name: call for name, call in calls.items() if call}
        if not self.calls:
            raise CheckError(
                f"{wheel.path.name}: found no kernel for {_ARCH} with an example of a call; "
                "expected kernels that were derived from layers; give deepgemm_kernels the layers"
            )
        self.other = len(every) - len(self.calls)
        # One kernel of each layer.
        self.layers: dict[str, str] = {}
        for name, call in self.calls.items():
            if not name.startswith("transpose"):
                self.layers.setdefault(_layer(call), name)
        self.checked: dict[str, dict[str, Any]] = {}
        self.jit: dict[str, dict[str, Any]] = {}
        self.loaded: set[str] = set()
        # For each layer, the seconds of its first call, by the way in which its kernel is found.
        self.first: dict[str, dict[str, float]] = {layer: {} for layer in self.layers}
        empty = work / "no-toolkit"
        empty.mkdir()
        path = [entry for entry in os.environ.get("PATH", "").split(os.pathsep) if not Path(entry, "nvcc").exists()]
        self.hidden = {"CUDA_HOME": str(empty), "CUDA_PATH": str(empty), "PATH": os.pathsep.join(path)}

    def run(self) -> None:
        """Runs all stages. If the package cannot be imported, it is the only failure."""
        for stage in (self.hides, self.without_toolkit, self.bundled, self.first_calls, self.with_jit):
            print(f"{stage.__name__.replace('_', ' ')} …", file=sys.stderr, flush=True)
            try:
                stage()
            except WorkerError as error:
                self.failures.append(f"import: {error}")
                return

    def hides(self) -> None:
        """With the toolkit hidden, nothing compiles. The error names the missing kernel, and the report lists it."""
        report = self.work / "misses.jsonl"
        some = next(iter(self.calls.values()))
        for call, environment in ((some, {"DG_JIT_AOT": "0"}), (_FOREIGN, {"DG_JIT_AOT_REPORT": str(report)})):
            with self.worker(self.subject, "hidden", **self.hidden, **environment) as worker:
                if worker.start()["sms"] < 1:
                    self.failures.append("get_num_sms is no positive number")
                try:
                    worker.ask("check", case=call, seed=self.seed)
                    self.failures.append(f"the toolkit is not hidden: {call} was compiled")
                except WorkerError as error:
                    if "deepgemm_kernels(recorded" not in str(error):
                        self.failures.append(f"a miss does not say how to add the kernel: {error}")
        if not report.is_file() or '"tag"' not in report.read_text(encoding="utf-8"):
            self.failures.append("DG_JIT_AOT_REPORT names no kernel after a miss")

    def without_toolkit(self) -> None:
        """With the toolkit hidden, each kernel's product loads it from the package and gives the right numbers."""
        settings = {**self.hidden, "DG_JIT_PRINT_LOAD_TIME": "1"}
        # Nothing compiles: more processes only fill the GPU's memory.
        self.checked = self.products(self.subject, self.calls, "aot-only", min(self.jobs, 4), **settings)
        for log in self.work.glob("aot-only-*.log"):
            self.loaded.update(_LOADED.findall(log.read_text(encoding="utf-8", errors="replace")))
        for name in sorted(self.calls.keys() - self.loaded):
            self.failures.append(f"{name}: was not loaded by {self.calls[name]}")
        if (self.work / "aot-only" / "cache").exists():
            self.failures.append("kernels were compiled with the toolkit hidden")

    def bundled(self) -> None:
        """One product of each layer gives the same bits with the package below vllm/third_party."""
        if self.wheel.module == BUNDLED:
            return
        subject = unpack(self.wheel, self.work / "site-overlay", BUNDLED)
        self.equal(self.one_by_one(subject, "aot-overlay", **self.hidden), "below vllm/third_party")

    def first_calls(self) -> None:
        """Times the first product of each layer in new processes: AOT, an empty cache, a filled cache."""
        ways = [(_WAYS[0], "aot-first", self.hidden)]
        if self.nvcc:
            ways += [(way, "jit-first", {"DG_JIT_AOT": "0"}) for way in (_WAYS[2], _WAYS[1])]
        for way, cache, settings in ways:
            answers = self.one_by_one(self.subject, cache, **settings)
            for layer, name in self.layers.items():
                if name in answers:
                    self.first[layer][way] = answers[name]["seconds"]

    def with_jit(self) -> None:
        """The kernels that the JIT compiles give the same bits as those of the wheel. Needs nvcc."""
        if self.nvcc:
            self.jit = self.products(self.subject, self.calls, "jit", DG_JIT_AOT="0")
            self.equal(self.jit, "with the JIT's kernel")

    def one_by_one(self, subject: Subject, cache: str, **settings: str) -> dict[str, dict[str, Any]]:
        """Computes a product of each layer, one after the other in one process."""
        return self.products(subject, {name: self.calls[name] for name in self.layers.values()}, cache, 1, **settings)

    def equal(self, answers: dict[str, dict[str, Any]], where: str) -> None:
        """Fails for each product whose bits differ from those of the wheel's kernel."""
        self.failures += [f"{name}: other bits {where}" for name in answers if not self.same(name, answers)]

    def same(self, name: str, answers: dict[str, dict[str, Any]]) -> bool:
        return answers[name]["digest"] == self.checked.get(name, {}).get("digest")

    def rows(self) -> list[list[str]]:
        """Returns the table of first calls."""
        rows = [["first call of a layer, ms", *_WAYS]]
        for layer, times in self.first.items():
            rows.append([layer, *(f"{times[way] * 1e3:.4g}" if way in times else "-" for way in _WAYS)])
        return rows

    def counts(self) -> list[str]:
        """Returns what was counted, a line each."""
        right = sum(not stats["problems"] for stats in self.checked.values())
        same = sum(self.same(name, self.jit) for name in self.jit)
        total = len(self.calls)
        return [
            f"kernels of the wheel for {_ARCH}: {total}; others, not run: {self.other}",
            f"loaded with the toolkit hidden: {len(self.loaded)} of {total}",
            f"right products: {right} of {total}",
            f"same bits as the JIT's kernels: {same} of {total}" if self.nvcc else "no nvcc to compare with",
        ]

    def data(self) -> dict[str, Any]:
        """Returns every measurement, for --json."""
        names = ("calls", "other", "checked", "jit", "first", "failures")
        return {**{name: getattr(self, name) for name in names}, "loaded": sorted(self.loaded)}


def _layer(call: dict[str, Any]) -> str:
    groups = f"{call['groups']}x" if not call["kind"].endswith("dense") else ""
    return f"{call['kind']} {groups}{call['n']}x{call['k']}"
