"""Remote execution by buildbox-casd, in a sandbox that has only the declared inputs of an action: no shell, no libc of
the machine, no network."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bazel_in_bazel import Bazel, Run, runfile, scratch_directory, sha256
from lab import ACTIONS, TARGET, casd, clone, person, product
from servers import Casd

EXTENSION = "//:deep_gemm_C.cp312"
REMOTE_FAILED = 34


@pytest.fixture(scope="module")
def bazel() -> Iterator[Bazel]:
    directory = scratch_directory() / "execution"
    with person(clone(directory / "clone"), directory / "base") as bazel:
        yield bazel


@pytest.fixture(scope="module")
def right(bazel: Bazel) -> Run:
    return bazel.build(TARGET)


@pytest.fixture
def executor(tmp_path: Path) -> Iterator[Casd]:
    with casd(tmp_path / "casd", execute=True) as running:
        yield running


def remote(executor: Casd) -> list[str]:
    return ["--config=remote", *executor.executor_options]


def test_everything_remote(bazel: Bazel, right: Run, executor: Casd) -> None:
    bazel.clean()
    run = bazel.build(TARGET, *remote(executor))
    assert {spawn.runner for spawn in run.spawns} == {"remote"}
    assert run.count() == ACTIONS
    assert product(run) == product(right)
    bazel.clean()
    again = bazel.build(TARGET, *remote(executor))
    assert len(again.hits()) == sum(ACTIONS.values())
    assert product(again) == product(right)


def test_executor_killed(bazel: Bazel, right: Run, executor: Casd) -> None:
    for options, status in ([], 0), (["--noremote_local_fallback"], REMOTE_FAILED):
        bazel.clean()
        with bazel.running("build", TARGET, *remote(executor), *options, status=status) as running:
            end = time.monotonic() + 120
            while not executor.results():  # until the first action has run remotely; slow.cc still compiles
                assert time.monotonic() < end
                time.sleep(0.02)
            executor.kill()
        run = running.result()
        if status == 0:
            assert run.executed()
            assert product(run) == product(right)
        else:
            assert not run.executed()
            assert "Connection refused" in run.output or "UNAVAILABLE" in run.output
        for result in executor.results():
            result.unlink()
        executor.start()


def test_corrupted_input(bazel: Bazel, right: Run, executor: Casd) -> None:
    bazel.clean()
    bazel.build(TARGET, *remote(executor))
    source = "small/quick.cc"
    (digest,) = {spawn.inputs[source] for spawn in right.of("CppCompile") if source in spawn.inputs}
    blob = executor.blob(digest)
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes().replace(b"(1)", b"(5)"))
    for result in executor.results():
        result.unlink()
    bazel.clean()
    run = bazel.build(TARGET, *remote(executor), "--noremote_local_fallback", status=None)
    assert run.status != 0
    assert not run.of("CppLink")
    assert digest in run.output, "the error does not name the damaged input"


def test_real_extension(bazel: Bazel, executor: Casd) -> None:
    """DeepGEMM's `_C` that the executor compiles and links has the bytes of the local one."""
    here = sha256(runfile(os.environ["EXTENSION"]))
    bazel.clean()
    cold = bazel.build(EXTENSION, *remote(executor))
    assert {spawn.runner for spawn in cold.of("CppCompile", "CppLink")} == {"remote"}
    assert cold.count() == {"CppCompile": 1, "CppLink": 1, "DeepGemmOverlayHeader": 1}
    (path,) = cold.outputs("CppLink")
    assert bazel.digest(path) == here
    stored = sum(blob.stat().st_size for blob in executor.blobs())

    bazel.clean()
    warm = bazel.build(EXTENSION, *remote(executor))
    assert len(warm.hits("CppCompile", "CppLink")) == 2
    assert bazel.digest(path) == here
    print(f"cold: {cold.seconds:.0f} s, {stored:,} bytes stored: uploads and remote outputs")
    print(f"warm: {warm.seconds:.0f} s, {bazel.output(path).stat().st_size:,} bytes of product")
