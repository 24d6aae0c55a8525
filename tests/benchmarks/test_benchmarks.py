"""The parts of the benchmark that a wrong figure could come from: measuring, reading Bazel's records, reporting."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import page
import pytest
from bench import Bench
from compile_rows import compile_overhead
from measure import Cost, measure, median
from result import TIMES, Figure, Row
from workspace import BenchmarkError, read_json_objects

# Half a second of CPU time, in a grandchild that holds 64 MiB.
_BUSY = """
import subprocess, sys
subprocess.run([sys.executable, "-c", '''
import time
held = b"x" * (64 << 20)
while time.process_time() < 0.5: pass
'''], check=True)
"""


def test_a_cost_counts_all_descendants() -> None:
    cost = measure(lambda: subprocess.run([sys.executable, "-c", _BUSY], check=True))
    assert cost.cpu >= 0.5
    assert cost.wall >= 0.5
    assert cost.memory > 64 << 20


def test_medians_are_of_each_figure_by_itself() -> None:
    assert median([Cost(1, 9, 5), Cost(2, 8, 6), Cost(9, 1, 7)]) == Cost(2, 8, 6)


def test_pairs_take_turns_and_each_is_prepared(tmp_path: Path) -> None:
    calls: list[str] = []

    def work(name: str) -> None:
        calls.append(name)
        # Long enough to be seen: ratios are taken of CPU time and memory, too.
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.5)"], check=True)

    Bench(tmp_path, jobs=1, repetitions=2).compared(
        lambda: work("ours"), lambda: work("theirs"), lambda: calls.append("prepare")
    )
    assert calls == ["prepare", "theirs", "prepare", "ours", "prepare", "ours", "prepare", "theirs"]


def test_an_execution_log_is_read_object_by_object(tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    log.write_text('{"mnemonic": "A",\n "inputs": []\n}{"mnemonic": "B"}\n')
    assert [entry["mnemonic"] for entry in read_json_objects(log)] == ["A", "B"]


def _profile(tmp_path: Path, *events: dict) -> Path:
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps({"traceEvents": list(events)}))
    return profile


_COMPILE = {"cat": "action processing", "name": "Compiling a.cpp", "tid": 7, "ts": 5_000_000, "dur": 50_000_000}
_COMPILE["args"] = {"mnemonic": "CppCompile"}
_CHECK = {"cat": "action dependency checking", "name": "Compiling a.cpp", "tid": 3, "ts": 4_000_000, "dur": 250_000}
_RUN = {"cat": "general information", "name": "subprocess.run", "tid": 7, "ts": 6_000_000, "dur": 48_500_000}


def test_overhead_is_the_action_and_its_check_less_the_compiler(tmp_path: Path) -> None:
    elsewhere = {**_RUN, "tid": 8}
    assert compile_overhead(_profile(tmp_path, _CHECK, elsewhere, _COMPILE, _RUN)) == pytest.approx(1.75)


@pytest.mark.parametrize(("events", "error"), [((_RUN,), "no compile"), ((_COMPILE,), "how long the compiler ran")])
def test_a_profile_that_lacks_something_is_an_error(tmp_path: Path, events: tuple, error: str) -> None:
    with pytest.raises(BenchmarkError, match=error):
        compile_overhead(_profile(tmp_path, *events))


def test_a_limit_may_be_reached_unless_it_must_be_kept_below() -> None:
    assert Figure("wall", 1.0, 1.0, TIMES).met
    assert not Figure("", 8000, 8000, "files", below=True).met
    row = Row("k", "work", (Figure("warm", 0.5, 1.0, "s"), Figure("cold", 6.5, 6.0, "s")))
    assert row.verdict == "missed: cold"


def test_the_page_keeps_what_is_around_the_figures(tmp_path: Path) -> None:
    written = tmp_path / "benchmarks.md"
    written.write_text("# Before\n<!-- figures -->\nold\n<!-- end of figures -->\nAfter\n")
    costs = {"reference": Cost(10, 20, 3e9), "Bazel": Cost(9, 18, 3e9)}
    row = Row("one", "one <Python>", (Figure("wall", 0.9, 1.0, TIMES),), costs)
    for _ in range(2):
        page.write(written, [row], "Measured here.")
    text = written.read_text()
    assert text.startswith("# Before\n<!-- figures -->\n\nMeasured here.\n")
    assert text.endswith("<!-- end of figures -->\nAfter\n")
    assert "old" not in text
    assert text.count(f"| one <Python> | wall ≤ 1.00 {TIMES} | wall 0.90 {TIMES} | met |") == 1
    assert "| one <Python> | Bazel | 9.00 s | 18.00 s | 3,000 MB |" in text


def test_a_page_without_a_place_for_figures_is_an_error(tmp_path: Path) -> None:
    written = tmp_path / "benchmarks.md"
    written.write_text("# Nothing\n")
    with pytest.raises(ValueError, match="no place for the figures"):
        page.write(written, [], "")
