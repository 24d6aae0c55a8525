"""The real wheels in two clones: other directories, other output bases, other HOME and USER; one fills the cache, the
other takes everything from it and has the same bytes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bazel_in_bazel import Bazel, Run, Workspace, scratch_directory, sha256
from lab import nginx, person
from servers import Nginx

WHEELS = ("//:deep_gemm_wheel", "//:vllm_wheel")
PYTHONS = 4


@pytest.fixture(scope="module")
def server() -> Iterator[Nginx]:
    with nginx(scratch_directory() / "nginx") as running:
        yield running


@pytest.fixture(scope="module")
def clones() -> Iterator[list[Bazel]]:
    scratch = scratch_directory()
    first = person(Workspace.from_checkout(scratch / "here" / "clone"), scratch / "alice", user="alice")
    second = person(Workspace.from_checkout(scratch / "far" / "away" / "other"), scratch / "bob", user="bob")
    with first, second:
        yield [first, second]


def wheels(bazel: Bazel) -> dict[str, str]:
    """Name to SHA-256 of the wheels on the disk."""
    found = (bazel.output_base / "execroot").glob("*/bazel-out/*/bin/*/*.whl")
    return {wheel.name: sha256(wheel) for wheel in found}


def extensions(run: Run) -> dict[str, str]:
    """Path to digest of every extension module that was linked or stripped."""
    return {path: digest for path, digest in run.outputs().items() if path.endswith(".so")}


def test_second_clone_compiles_nothing(clones: list[Bazel], server: Nginx) -> None:
    first, second = clones
    cold = first.build(*WHEELS, "--config=cache", *server.write_options, timeout=3000)
    assert len(cold.executed("CppCompile")) == len(cold.executed("CppLink")) == PYTHONS
    filled = server.traffic()

    warm = second.build(*WHEELS, "--config=cache-readonly", *server.read_options, timeout=3000)
    assert not warm.executed("CppCompile", "CppLink")
    assert len(warm.hits("CppCompile")) + len(warm.hits("CppLink")) == 2 * PYTHONS
    assert warm.actions() == cold.actions()
    assert len(extensions(warm)) >= PYTHONS
    assert extensions(warm) == extensions(cold)
    assert len(wheels(second)) == len(WHEELS)
    assert wheels(second) == wheels(first)

    read = server.traffic().since(filled)
    print(f"cold: {cold.seconds:.0f} s, {filled.uploaded:,} bytes up, {filled.downloaded:,} down")
    print(f"warm: {warm.seconds:.0f} s, {read.uploaded:,} bytes up, {read.downloaded:,} down")
