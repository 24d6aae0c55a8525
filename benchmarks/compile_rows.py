"""The rows about compiling: all Pythons, one Python, an edited header, the size of `_C`, the inputs of a compile."""

from __future__ import annotations

import json
import statistics
import subprocess
import zlib
from pathlib import Path
from zipfile import ZipFile

from bench import DEEPGEMM_WHEEL, EXTENSION, ONE, Bench
from result import TIMES, Figure, Row
from workspace import BenchmarkError, read_json_objects

_ONE = ONE.rpartition(".")[2]
_EDITED = "src/csrc/utils/exception.hpp"


def _from_nothing(bench: Bench) -> None:
    """Empties the action cache, deletes outputs and stops the server, so that its start is measured, too."""
    bench.bazel.clean()
    bench.bazel.shutdown()


def all_pythons(bench: Bench) -> Row:
    tags = bench.tags
    ours, theirs, ratio = bench.compared(
        lambda: bench.bazel.build(EXTENSION), lambda: bench.reference.build(tags), lambda: _from_nothing(bench)
    )
    return Row(
        "all",
        f"all {len(tags)} Pythons from warm repositories, empty action cache",
        (Figure("CPU", ratio.cpu, 1.0, TIMES), Figure("wall", ratio.wall, 0.95, TIMES)),
        {"reference": theirs, "Bazel": ours},
        "the start of Bazel's server is in its figures",
    )


def one_python(bench: Bench) -> Row:
    """Reads the cost of sandbox and digests from the profiles of these builds."""
    _ = bench.tags
    profiles: list[Path] = []

    def build() -> None:
        profiles.append(bench.root / f"profile-{len(profiles)}.json")
        bench.bazel.build(ONE, options=[f"--profile={profiles[-1]}"])

    ours, theirs, ratio = bench.compared(build, lambda: bench.reference.build([_ONE]), lambda: _from_nothing(bench))
    return Row(
        "one",
        "one Python, likewise; sandbox and digest overhead of its compile",
        (
            Figure("wall", ratio.wall, 1.0, TIMES),
            Figure("overhead", statistics.median(map(compile_overhead, profiles)), 3.0, "s"),
        ),
        {"reference": theirs, "Bazel": ours},
        "the start of Bazel's server is in its figures",
    )


def header_edited(bench: Bench) -> Row:
    _ = bench.tags
    copy, option = bench.copied("deepgemm_src")
    header = copy / _EDITED
    text, number = header.read_text(encoding="utf-8"), iter(range(1, 1000))
    bench.bazel.build(ONE, options=[option])

    def edit() -> None:
        # `used` and `retain` keep it in the library, so that the actions after the compile run, too.
        header.write_text(
            f"{text}\n[[gnu::used, gnu::retain]] static int benchmark_edit = {next(number)};\n", encoding="utf-8"
        )

    ours, theirs, ratio = bench.compared(
        lambda: bench.bazel.build(ONE, options=[option]), lambda: bench.reference.build([_ONE]), edit
    )
    # Bazel uses the real repository again before the next row.
    bench.bazel.build(ONE, options=["--nobuild"])
    return Row(
        "edit",
        "one used header edited, one Python",
        (Figure("wall", ratio.wall, 1.0, TIMES),),
        {"reference": theirs, "Bazel": ours},
    )


def library_size(bench: Bench) -> Row:
    _ = bench.tags
    bench.bazel.build(DEEPGEMM_WHEEL)
    (wheel,) = bench.bazel.outputs(DEEPGEMM_WHEEL)
    name = bench.reference.output(_ONE).name
    with ZipFile(wheel) as archive:
        (ours,) = [info for info in archive.infolist() if info.filename.endswith("/" + name)]
    if not bench.reference.output(_ONE).exists():
        bench.reference.build([_ONE])
    stripped = bench.root / "reference" / "stripped.so"
    strip = bench.bazel.repository("deepgemm_gcc") / "gcc" / "usr" / "bin" / "strip"
    done = subprocess.run(
        [strip.relative_to(bench.bazel.output_base), "--strip-all", "-o", stripped, bench.reference.output(_ONE)],
        cwd=bench.bazel.output_base,
        check=False,
    )
    if done.returncode:
        raise BenchmarkError(f"{strip} ended with {done.returncode}")
    theirs = stripped.read_bytes()
    # The level of `wheel pack` and setuptools.
    packed = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)
    compressed = len(packed.compress(theirs) + packed.flush())
    return Row(
        "size",
        "one `_C`, stripped, compressed in the wheel",
        (Figure("", ours.compress_size / compressed, 1.0, TIMES),),
        note=f"{ours.file_size:,} bytes, {ours.compress_size:,} compressed; the reference's {len(theirs):,} and "
        f"{compressed:,}. Both are compiled with `-O3`",
    )


def inputs(bench: Bench) -> Row:
    """Counts the files that Bazel puts into the sandbox of a compile, from its execution log."""
    _ = bench.tags
    bench.bazel.clean()
    log = bench.root / "execution.json"
    bench.bazel.build(ONE, options=[f"--execution_log_json_file={log}"])
    spawns = [entry for entry in read_json_objects(log) if entry["mnemonic"] == "CppCompile"]
    if len(spawns) != 1:
        raise BenchmarkError(f"{ONE} was compiled in {len(spawns)} actions; expected one")
    return Row(
        "inputs",
        "files that one compile action has as inputs",
        (Figure("", len(spawns[0]["inputs"]), 8000, "files", below=True),),
    )


def compile_overhead(profile: Path) -> float:
    """Seconds that Bazel spent on its longest compile action, looking it up included, beside running the compiler."""
    events = json.loads(profile.read_text(encoding="utf-8"))["traceEvents"]
    compiles = [event for event in events if event.get("args", {}).get("mnemonic") == "CppCompile" and "dur" in event]
    if not compiles:
        raise BenchmarkError(f"{profile} has no compile")
    action = max(compiles, key=lambda event: event["dur"])
    begin, end = action["ts"], action["ts"] + action["dur"]
    ran = sum(
        event["dur"]
        for event in events
        if event.get("name") == "subprocess.run" and event["tid"] == action["tid"] and begin <= event["ts"] < end
    )
    if not ran:
        raise BenchmarkError(f"{profile} does not say how long the compiler ran")
    checks = sum(
        event["dur"]
        for event in events
        if event.get("cat") == "action dependency checking" and event["name"] == action["name"]
    )
    return (checks + action["dur"] - ran) / 1e6
