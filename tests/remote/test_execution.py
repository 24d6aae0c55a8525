"""Remote execution by buildbox-casd: every action in a sandbox that has its declared inputs and nothing else, no shell,
no libc of the machine, no network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bazel_in_bazel import Bazel, InnerBazelError, Run, scratch_directory
from lab import ACTIONS, TARGET, casd, clone, person, product
from servers import Casd

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


def test_everything_remote(bazel: Bazel, right: Run, executor: Casd) -> None:
    bazel.clean()
    run = bazel.build(TARGET, "--config=remote", *executor.executor_options)
    assert {spawn.runner for spawn in run.spawns} == {"remote"}
    assert run.count() == ACTIONS
    assert product(run) == product(right)
    bazel.clean()
    again = bazel.build(TARGET, "--config=remote", *executor.executor_options)
    assert len(again.hits()) == sum(ACTIONS.values())
    assert product(again) == product(right)


def test_executor_killed(bazel: Bazel, right: Run, executor: Casd) -> None:
    for options, status in (
        (["--config=remote"], 0),
        (["--config=remote", "--noremote_local_fallback"], REMOTE_FAILED),
    ):
        bazel.clean()
        with bazel.running("build", TARGET, *options, *executor.executor_options, status=None) as running:
            end = time.monotonic() + 120
            while not executor.results():  # one action has been carried out there
                assert time.monotonic() < end
                time.sleep(0.02)
            executor.kill()
        run = running.result()
        assert run.status == status, run.output
        if status == 0:
            assert any(spawn.remote for spawn in run.spawns)
            assert run.executed()
            assert product(run) == product(right)
        else:
            assert "Connection refused" in run.output or "UNAVAILABLE" in run.output
        for result in executor.results():
            result.unlink()
        executor.start()


def test_corrupted_input(bazel: Bazel, right: Run, executor: Casd) -> None:
    bazel.clean()
    bazel.build(TARGET, "--config=remote", *executor.executor_options)
    source = right.of("CppCompile")
    (digest,) = {spawn.inputs["small/quick.cc"] for spawn in source if "small/quick.cc" in spawn.inputs}
    blob = executor.blob(digest)
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes().replace(b"(1)", b"(5)"))
    for result in executor.results():
        result.unlink()
    bazel.clean()
    run = bazel.build(TARGET, "--config=remote", "--noremote_local_fallback", *executor.executor_options, status=None)
    assert run.status != 0
    assert not run.of("CppLink")
    raise_unless_named(run, digest)


def raise_unless_named(run: Run, digest: str) -> None:
    if digest not in run.output and "igest" not in run.output:
        raise InnerBazelError(f"the error does not tell what is wrong:\n{run.output}")
