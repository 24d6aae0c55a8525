"""The rows about Bazel itself, and about the wheel: nothing changed, analysis, the overlay."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from bench import WHEEL, Bench
from result import TIMES, Figure, Row
from workspace import BenchmarkError

# The Pythons of the comparison, the real ones first; there is no CPython 3.30 yet, so its headers are those of another.
_FEW, _MANY = 4, 20
_FIRST = 11


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
    real = bench.repeated(lambda: bench.bazel.build(WHEEL, options=["--nobuild"]), bench.bazel.shutdown)
    costs = {"real matrix": real}
    # Both are made before one is used: Bazel then links it to where the real one was.
    for count, hub in [(count, _hub_of(bench, count)) for count in (_FEW, _MANY)]:
        options = [hub, "--nobuild"]
        bench.bazel.build(WHEEL, options=options)
        costs[f"{count} Pythons"] = bench.repeated(
            lambda options=options: bench.bazel.build(WHEEL, options=options), bench.bazel.shutdown
        )
    bench.bazel.build(WHEEL, options=["--nobuild"])
    ratio = costs[f"{_MANY} Pythons"].wall / costs[f"{_FEW} Pythons"].wall
    return Row(
        "analysis",
        f"analysis after a server start, repositories there; {_MANY} Pythons against {_FEW}",
        (Figure("", real.wall, 6.0, "s"), Figure(f"{_MANY} Pythons", ratio, 1.3, TIMES)),
        costs,
        "the start of the server is in all of them",
    )


def _hub_of(bench: Bench, count: int) -> str:
    """A stand-in for @deepgemm_pythons with `count` Pythons, each with headers of its own, as an option for Bazel."""
    hub = bench.bazel.repository("deepgemm_pythons")
    copy = bench.root / "copies" / f"pythons-{count}"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for name in ("MODULE.bazel", "REPO.bazel", "WORKSPACE"):
        if (hub / name).exists():
            shutil.copy(hub / name, copy)
    model = bench.bazel.repository("deepgemm_python_3_12")
    versions = (hub / "versions.bzl").read_text(encoding="utf-8")
    structs = re.findall(r"^    struct\(.*?^    \),$", versions, re.M | re.S)
    of_312 = [text for text in structs if '"3.12"' in text]
    block = re.findall(r"^# 3\.12\n.*?(?=^# |\Z)", (hub / "BUILD.bazel").read_text(encoding="utf-8"), re.M | re.S)
    if len(of_312) != 1 or len(block) != 1:
        raise BenchmarkError(f"{hub}: cannot read how CPython 3.12 is written there")
    pythons, build = [], ['package(default_visibility = ["//visibility:public"])']
    for minor in range(_FIRST, _FIRST + count):
        part = copy / f"python3{minor}"
        part.mkdir()
        (part / "bin").symlink_to(model / "bin")
        (part / "include").mkdir()
        shutil.copytree(model / "include" / "python3.12", part / "include" / f"python3.{minor}")
        (part / "BUILD.bazel").write_text(_renamed((model / "BUILD.bazel").read_text(encoding="utf-8"), minor))
        pythons.append(_renamed(of_312[0], minor))
        build.append(re.sub(r'"@+[^"/]*deepgemm_python_3_12//:', f'"//python3{minor}:', _renamed(block[0], minor)))
    # What else stands there stays.
    requires = f'REQUIRES_PYTHON = "<3.{_FIRST + count},>=3.{_FIRST}"'
    listed = "\n".join(["PYTHONS = [", *pythons, "]"])
    versions = re.sub(r"(?m)^REQUIRES_PYTHON = .*$", lambda _: requires, versions)
    (copy / "versions.bzl").write_text(re.sub(r"(?ms)^PYTHONS = \[$.*?^\]$", lambda _: listed, versions))
    (copy / "BUILD.bazel").write_text("\n".join(build))
    return f"--override_repository={hub.name}={copy}"


def _renamed(text: str, minor: int) -> str:
    text = re.sub(r"deepgemm_python_3_12\b", "\0", text)
    text = re.sub(r"3\.12\b", f"3.{minor}", text)
    return re.sub(r"(?<=cp|n-)312(?![0-9])", f"3{minor}", text).replace("\0", "deepgemm_python_3_12")


def overlay(bench: Bench) -> Row:
    """The action of the rule as Bazel calls it, outside of the sandbox, against unpacking and packing."""
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
