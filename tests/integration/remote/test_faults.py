"""A build survives every fault of its cache, with the right bytes.

Each case checks, by the execution log and the digests of the products, which actions ran here and which results came
from the cache. The seconds that a fault costs are printed, not checked (docs/remote-cache.md).
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bazel_in_bazel import Bazel, Run, scratch_directory
from lab import (
    ACTIONS,
    PROTOCOLS,
    TARGET,
    cache,
    cache_server,
    clone,
    nginx,
    person,
    poisoned_person,
    product,
)
from servers import Casd, Nginx, absent_port, cache_options, refusing_port, silent_port

ALL = sum(ACTIONS.values())
# Over gRPC Bazel asks the server once for its capabilities and then does without it. HTTP has no such request, so each
# action's look-up and each upload may warn.
WARNINGS = {"http": 2 * ALL, "grpc": 1}


class Lab:
    """One workspace and one Bazel for all cases; `right` is the build without a cache."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.workspace = clone(directory / "clone")
        self.bazel = person(self.workspace, directory / "base")
        self.bazel.build(TARGET)
        self.right = self.build()
        assert self.right.count(executed=True) == ACTIONS

    def build(self, *options: str) -> Run:
        """A build after `clean`."""
        self.bazel.clean()
        return self.bazel.build(TARGET, *options)

    def assert_right(self, run: Run) -> None:
        """The product has the bytes of a build without a cache, in the log and on the disk."""
        assert product(run) == product(self.right)
        (path,) = run.outputs("CppLink")
        assert self.bazel.digest(path) == product(self.right)

    def assert_all_hit(self, run: Run) -> None:
        """Everything came from the cache."""
        assert len(run.hits()) == ALL
        assert not run.executed()
        self.assert_right(run)

    def store(self, protocol: str) -> Path:
        """The store of a stopped server that has every result; filled by the first call."""
        directory = self._directory / f"filled-{protocol}"
        if not directory.exists():
            with cache_server(protocol, directory) as server:
                assert self.build(*cache(server)).count(executed=True) == ACTIONS
                self.assert_all_hit(self.build(*cache(server)))
        return directory / "store"

    def assert_survived(self, protocol: str, run: Run) -> None:
        """This machine ran every action, the product is right, and Bazel warned once or a few times."""
        self.assert_right(run)
        assert run.count(executed=True) == ACTIONS
        assert 1 <= len(run.warnings) <= WARNINGS[protocol], run.output
        print(f"{run.seconds - self.right.seconds:.1f} s lost, {len(run.warnings)} warnings")

    @contextlib.contextmanager
    def edited(self, name: str, old: str, new: str) -> Iterator[None]:
        self.workspace.edit(name, old, new)
        try:
            yield
        finally:
            self.workspace.edit(name, new, old)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    lab = Lab(scratch_directory() / "faults")
    with lab.bazel:
        yield lab


@pytest.fixture(scope="module")
def eve() -> Iterator[Bazel]:
    """A second person with another clone, in a poisoned environment."""
    directory = scratch_directory() / "eve"
    with poisoned_person(clone(directory / "clone"), directory / "base", directory / "poison", user="eve") as eve:
        yield eve


@pytest.fixture(params=PROTOCOLS)
def server(request: pytest.FixtureRequest, lab: Lab, tmp_path: Path) -> Iterator[Nginx | Casd]:
    """A server that has every result."""
    shutil.copytree(lab.store(request.param), tmp_path / "server" / "store")
    with cache_server(request.param, tmp_path / "server") as running:
        yield running


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", [absent_port, refusing_port, silent_port])
def test_no_answer_from_the_beginning(
    lab: Lab, protocol: str, fault: Callable[[], contextlib.AbstractContextManager[int]]
) -> None:
    with fault() as port:
        run = lab.build("--config=cache", *cache_options(f"{protocol}://127.0.0.1:{port}"))
    lab.assert_survived(protocol, run)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", ["kill", "hang"])
def test_gone_in_mid_build(lab: Lab, tmp_path: Path, protocol: str, fault: str) -> None:
    lab.bazel.clean()
    with cache_server(protocol, tmp_path / "server") as server:
        with lab.bazel.running("build", TARGET, *cache(server)) as running:
            end = time.monotonic() + 120
            while not server.blobs():  # until the first upload; slow.cc still compiles
                assert time.monotonic() < end
                time.sleep(0.02)
            getattr(server, fault)()
        lab.assert_survived(protocol, running.result())


def test_gone_after_some_hits(lab: Lab, server: Nginx | Casd) -> None:
    """Results that Bazel took from the cache are on the disk, and the build goes on with them."""
    objects = [path for path in lab.right.outputs("CppCompile") if path.endswith(("/main.o", "/quick.o"))]
    taken = [lab.bazel.output(path) for path in objects]
    lab.bazel.clean()
    with lab.edited("small/slow.cc", "int slow() {", "int slow() { /* edited */"):
        with lab.bazel.running("build", TARGET, *cache(server)) as running:
            end = time.monotonic() + 120
            while not all(path.exists() for path in taken):
                assert time.monotonic() < end
                time.sleep(0.02)
            server.kill()
        run = running.result()
    lab.assert_right(run)
    assert len(run.hits("CppCompile")) == len(taken) == 2
    assert run.count(executed=True) == {"CppCompile": 1, "CppLink": 1}


@pytest.mark.parametrize("damage", ["corrupted", "truncated", "gone"])
def test_damaged_output(lab: Lab, server: Nginx | Casd, damage: str) -> None:
    blob = server.blob(product(lab.right))
    content = blob.read_bytes()
    blob.chmod(0o644)
    if damage == "gone":
        blob.unlink()
    elif damage == "truncated":
        blob.write_bytes(content[: len(content) // 2])
    else:
        blob.write_bytes(bytes([content[0] ^ 1]) + content[1:])

    run = lab.build(*cache(server))
    lab.assert_right(run)
    # The link runs again, and so may actions whose outputs it needs.
    assert run.count(executed=True)["CppLink"] == 1
    if isinstance(server, Casd) and damage != "gone":  # casd keeps the bad blob; docs/remote-cache.md says what to do
        blob.unlink()
        lab.assert_right(lab.build(*cache(server)))
    lab.assert_all_hit(lab.build(*cache(server)))


def test_garbage_in_the_action_cache(lab: Lab, server: Nginx | Casd) -> None:
    results = server.results()
    assert len(results) == ALL
    for result in results:
        result.chmod(0o644)
        result.write_bytes(b"\xff not an action result \x00" * 8)
    run = lab.build(*cache(server))
    lab.assert_right(run)
    assert run.count(executed=True) == ACTIONS
    lab.assert_all_hit(lab.build(*cache(server)))


def test_evicted_between_two_builds(lab: Lab, server: Nginx | Casd) -> None:
    toplevel = [*cache(server), "--remote_download_outputs=toplevel"]  # the objects stay on the server
    lab.assert_all_hit(lab.build(*toplevel))
    for blob in server.blobs():
        blob.unlink()
    with lab.edited("small/main.cc", "? 0 : 1", "? 0 : 2"):
        run = lab.bazel.build(TARGET, *toplevel)
        assert run.executed("CppLink")
        alone = lab.build()
        assert product(run) == product(alone) != product(lab.right)


def test_reader_without_the_right_to_write(lab: Lab, tmp_path: Path) -> None:
    shutil.copytree(lab.store("http"), tmp_path / "server" / "store")
    with nginx(tmp_path / "server") as server:
        before = server.traffic()
        with lab.edited("small/quick.cc", "(1)", "(1u)"):
            run = lab.build("--config=cache-readonly", *server.read_options)
        lab.assert_right(run)
        assert len(run.hits("CppCompile")) == 2
        assert len(run.executed("CppCompile")) == 1
        assert not run.warnings
        assert server.traffic().since(before).count("PUT", 401) == 0

        # A client that tries to write without credentials: nginx refuses, Bazel warns, and the store stays the same.
        before, blobs = server.traffic(), server.blobs()
        with lab.edited("small/quick.cc", "(1)", "(1U)"):
            run = lab.build("--config=cache", *server.read_options)
        lab.assert_right(run)
        assert len(run.hits("CppCompile")) == 2
        assert server.traffic().since(before).count("PUT", 401) > 0
        assert server.traffic().since(before).count("PUT", 201) == 0
        assert server.blobs() == blobs
        assert 1 <= len(run.warnings) <= 2


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_two_builds_at_once(lab: Lab, eve: Bazel, tmp_path: Path, protocol: str) -> None:
    lab.bazel.clean()
    eve.clean()
    with cache_server(protocol, tmp_path / "server") as server:
        results: list[Run] = []
        thread = threading.Thread(target=lambda: results.append(eve.build(TARGET, *cache(server))))
        thread.start()
        mine = lab.bazel.build(TARGET, *cache(server))
        thread.join()
        (theirs,) = results
        assert product(mine) == product(theirs) == product(lab.right)
        assert mine.actions() == theirs.actions()
        lab.assert_all_hit(lab.build(*cache(server)))


def test_poisoned_environment(lab: Lab, eve: Bazel, server: Nginx | Casd) -> None:
    keys = lab.build(*cache(server)).actions()
    eve.clean()
    alone = eve.build(TARGET, *cache(server), "--noremote_accept_cached")
    assert alone.count(executed=True) == ACTIONS
    assert alone.actions() == keys
    assert product(alone) == product(lab.right)
    eve.clean()
    cached = eve.build(TARGET, *cache(server))
    assert len(cached.hits()) == ALL
    assert product(cached) == product(lab.right)
