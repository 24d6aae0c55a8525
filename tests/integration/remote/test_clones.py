"""The real wheels in two clones of this checkout: other directories, other output bases, other HOME and USER.

Alice compiles everything in a poisoned environment and fills the cache; Bob takes every result from it. Both get the
bytes of the outer build, which has yet another directory, HOME and USER.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from bazel_in_bazel import Bazel, Run, Workspace, runfile, scratch_directory, sha256
from lab import cache, nginx, person, poisoned_person
from servers import Nginx

WHEELS = ("//:deep_gemm_wheel", "//:vllm_wheel")
# The variables that name the outer build's wheels.
_PRODUCTS = ("DEEP_GEMM_WHEEL", "VLLM_WHEEL")
PYTHONS = 4
SECONDS = 3000


@pytest.fixture(scope="module")
def server() -> Iterator[Nginx]:
    with nginx(scratch_directory() / "nginx") as running:
        yield running


@pytest.fixture(scope="module")
def alice() -> Iterator[Bazel]:
    scratch = scratch_directory()
    workspace = Workspace.from_checkout(scratch / "here" / "clone")
    with poisoned_person(workspace, scratch / "alice", scratch / "poison", user="alice") as alice:
        yield alice


@pytest.fixture(scope="module")
def bob() -> Iterator[Bazel]:
    scratch = scratch_directory()
    with person(Workspace.from_checkout(scratch / "far" / "away" / "other"), scratch / "bob", user="bob") as bob:
        yield bob


def wheels(bazel: Bazel) -> dict[str, str]:
    """From the name of each built wheel to its SHA-256."""
    found = (bazel.output_base / "execroot").glob("*/bazel-out/*/bin/*/*.whl")
    return {wheel.name: sha256(wheel) for wheel in found}


def extensions(run: Run) -> dict[str, str]:
    """From the path of each linked extension module to its digest."""
    return {path: digest for path, digest in run.outputs("CppLink").items() if path.endswith(".so")}


def test_second_clone_compiles_nothing(alice: Bazel, bob: Bazel, server: Nginx) -> None:
    here = {wheel.name: sha256(wheel) for wheel in (runfile(os.environ[name]) for name in _PRODUCTS)}

    cold = alice.build(*WHEELS, *cache(server), timeout=SECONDS)
    assert len(cold.executed("CppCompile")) == len(cold.executed("CppLink")) == PYTHONS
    assert not cold.hits()
    assert len(extensions(cold)) == PYTHONS
    assert wheels(alice) == here
    filled = server.traffic()

    warm = bob.build(*WHEELS, "--config=cache-readonly", *server.read_options, timeout=SECONDS)
    assert len(warm.hits("CppCompile")) == len(warm.hits("CppLink")) == PYTHONS
    assert not warm.executed()
    assert warm.actions() == cold.actions()
    assert extensions(warm) == extensions(cold)
    assert wheels(bob) == here

    read = server.traffic().since(filled)
    print(f"cold: {cold.seconds:.0f} s, {filled.uploaded:,} bytes up, {filled.downloaded:,} down")
    print(f"warm: {warm.seconds:.0f} s, {read.uploaded:,} bytes up, {read.downloaded:,} down")
