"""A program for aarch64 in two clones of this checkout: the same bytes, and the second clone compiles nothing.

Alice compiles in an environment that misleads compilers; Bob's clone has another directory, output base, HOME and USER.
"""

from __future__ import annotations

from bazel_in_bazel import scratch_directory
from lab import ACTIONS, TARGET, cache, clone, nginx, person, poisoned_person, product

PLATFORM = "--config=aarch64"
EM_AARCH64 = 183


def test_a_second_clone_takes_the_program_from_the_cache() -> None:
    scratch = scratch_directory() / "aarch64"
    with (
        nginx(scratch / "nginx") as server,
        poisoned_person(clone(scratch / "here"), scratch / "alice", scratch / "poison", user="alice") as alice,
        person(clone(scratch / "far" / "away"), scratch / "bob", user="bob") as bob,
    ):
        cold = alice.build(TARGET, PLATFORM, *cache(server))
        assert cold.count(executed=True) == ACTIONS
        (path,) = cold.outputs("CppLink")
        assert int.from_bytes(alice.output(path).read_bytes()[18:20], "little") == EM_AARCH64

        own = bob.build(TARGET, PLATFORM)
        assert own.count(executed=True) == ACTIONS
        assert product(own) == product(cold)
        bob.clean()
        warm = bob.build(TARGET, PLATFORM, "--config=cache-readonly", *server.read_options)
        assert warm.count() == ACTIONS
        assert not warm.executed()
        assert product(warm) == product(cold)
        # The cache has no result for the other platform.
        assert product(bob.build(TARGET, "--config=cache-readonly", *server.read_options)) != product(cold)
