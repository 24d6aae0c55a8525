"""What all rows share: Bazel, the reference, and the comparison of the two."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from measure import Cost, measure, median
from reference import Reference
from workspace import Bazel

EXTENSION = "//:deep_gemm_C"
ONE = "//:deep_gemm_C.cp312"
WHEEL = "//:vllm_wheel"
DEEPGEMM_WHEEL = "//:deep_gemm_wheel"


class Bench:
    """One run of the benchmark.

    Args:
        root: directory of all that the run writes. It stays, so that the next run fetches nothing.
        jobs: actions, or calls of the reference's driver, at a time.
        repetitions: how often each piece of work is measured; figures are medians.
        configs: names for `--config` of Bazel's builds.
    """

    def __init__(self, root: Path, jobs: int, repetitions: int, configs: Sequence[str] = ()) -> None:
        self.root, self.repetitions = root, repetitions
        root.mkdir(parents=True, exist_ok=True)
        self.bazel = Bazel(root, jobs, configs)
        self.reference = Reference(root, self.bazel, ONE)

    @cached_property
    def tags(self) -> list[str]:
        """The tags of the matrix's Pythons. Fetches all repositories first."""
        self.bazel.build(WHEEL, DEEPGEMM_WHEEL, options=["--nobuild"])
        targets = self.bazel.run("query", f'filter("^{EXTENSION}[.]cp[0-9]+$", //:all)').split()
        tags = sorted((target.rpartition(".")[2] for target in targets), key=lambda tag: int(tag[2:]))
        self.reference.prepare(tags)
        return tags

    def measured(self, work: Callable[[], object]) -> Cost:
        return measure(work, self.bazel.server)

    def repeated(self, work: Callable[[], object], before: Callable[[], object] = lambda: None) -> Cost:
        """Returns the median cost of `work`. Calls `before` before each run."""
        costs = []
        for _ in range(self.repetitions):
            before()
            costs.append(self.measured(work))
        return median(costs)

    def compared(
        self, work: Callable[[], object], reference: Callable[[], object], before: Callable[[], object]
    ) -> tuple[Cost, Cost, Cost]:
        """Returns the median costs of both, and the medians of the ratios within each pair of runs.

        The two take turns at being first. `before` is called before each run.
        """
        ours, theirs, ratios = [], [], []
        for number in range(self.repetitions):
            costs = {}
            for name in ("ours", "theirs") if number % 2 else ("theirs", "ours"):
                before()
                costs[name] = self.measured(work) if name == "ours" else measure(reference)
            ours.append(costs["ours"])
            theirs.append(costs["theirs"])
            ratios.append(costs["ours"].divided_by(costs["theirs"]))
        return median(ours), median(theirs), median(ratios)

    def copied(self, repository: str) -> tuple[Path, str]:
        """Returns a copy of a repository whose files may be edited, and the option with which Bazel uses it."""
        original = self.bazel.repository(repository)
        copy = self.root / "copies" / original.name
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(original, copy, symlinks=True)
        return copy, f"--override_repository={original.name}={copy}"
