"""The rows about Bazel itself and about the wheel: nothing changed, analysis, the overlay."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from bench import WHEEL, Bench
from result import TIMES, Figure, Row
from workspace import BenchmarkError


def nothing(bench: Bench) -> Row:
    _ = bench.tags
    bench.bazel.build(WHEEL)
    warm = bench.repeated(lambda: bench.bazel.build(WHEEL))
    cold = bench.repeated(lambda: bench.bazel.build(WHEEL), bench.bazel.shutdown)
    return Row(
        "nothing",
        "nothing changed, server warm / cold",
        (Figure("warm", warm.wall, 1.0, "s"), Figure("cold", cold.wall, 6.0, "s")),
        {"warm": warm, "cold": cold},
    )


def analysis(bench: Bench) -> Row:
    _ = bench.tags
    bench.bazel.build(WHEEL, options=["--nobuild"])
    cost = bench.repeated(lambda: bench.bazel.build(WHEEL, options=["--nobuild"]), bench.bazel.shutdown)
    return Row(
        "analysis",
        "analysis after a server start, repositories there",
        (Figure("", cost.wall, 6.0, "s"),),
        {"Bazel": cost},
        "the start of the server is in it",
    )


def overlay(bench: Bench) -> Row:
    """Compares the rule's action, run outside of the sandbox, with `wheel unpack` and `wheel pack`."""
    _ = bench.tags
    bench.bazel.build(WHEEL)
    arguments = bench.bazel.arguments(WHEEL, "WheelOverlay")
    scratch = bench.root / "overlay"
    place = arguments.index("--out") + 1
    base = bench.bazel.execution_root / arguments[arguments.index("--base") + 1]
    command = [*arguments[:place], str(scratch / Path(arguments[place]).name), *arguments[place + 1 :]]
    wheel = bench.reference.python.with_name("wheel")
    bench.bazel.shutdown()

    def fresh() -> None:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()

    def unpack_and_pack() -> None:
        _call([str(wheel), "unpack", "--dest", str(scratch / "unpacked"), str(base)], scratch)
        (directory,) = (scratch / "unpacked").iterdir()
        _call([str(wheel), "pack", "--dest-dir", str(scratch), str(directory)], scratch)

    ours, theirs, ratio = bench.compared(lambda: _call(command, bench.bazel.execution_root), unpack_and_pack, fresh)
    shutil.rmtree(scratch)
    return Row(
        "overlay",
        f"overlay of the {base.stat().st_size / 1e6:.0f} MB base wheel",
        (
            Figure("", ours.wall, 3.0, "s"),
            Figure("", ours.memory / 1e6, 200, "MB"),
            Figure("unpack + pack", ratio.wall, 0.1, TIMES),
        ),
        {"`wheel unpack` + `wheel pack`": theirs, "overlay": ours},
    )


def _call(command: list[str], directory: Path) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
