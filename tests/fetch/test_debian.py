"""Debian packages with the real apt and a real mirror: lock, relock, fetch, what does not match, relocation."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bazel.fetch import apt_sources, debian, relocate
from bazel.fetch.command import CommandError
from bazel.fetch.debian_lock import Lock

SUITE = "trixie"
NO_DEBIAN = not (shutil.which("apt-get") and (os.environ.get(debian.MIRROR_VARIABLE) or apt_sources.mirrors()))

pytestmark = pytest.mark.skipif(NO_DEBIAN, reason="this machine has no apt-get, or no Debian mirror in apt's sources")


@pytest.fixture(scope="session")
def lock() -> Lock:
    """patchelf, which edits the others, and one of the others."""
    return debian.lock(SUITE, "amd64", ["patchelf", "xz-utils"])


@pytest.fixture(scope="session")
def tree(lock: Lock, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    debian.fetch(lock, root, "test.lock.json", debian.mirrors())
    return root


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "bazel.fetch.debian", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)


def test_a_lock_holds_the_closure(lock: Lock) -> None:
    names = {package.name for package in lock.packages}
    assert {"patchelf", "libc6", "libstdc++6", "xz-utils", "liblzma5"} <= names
    assert all(len(package.sha256) == 64 and package.size > 0 for package in lock.packages)
    assert all(re.fullmatch(r"pool/main/\S+/\S+_(amd64|all)\.deb", package.filename) for package in lock.packages)
    assert re.fullmatch(r"20\d{6}T\d{6}Z", lock.timestamp)


def test_a_lock_of_another_architecture(tmp_path: Path) -> None:
    result = run(
        tmp_path,
        "lock",
        "--suite",
        SUITE,
        "--architecture",
        "arm64",
        "--exclude",
        "libc6",
        "--out",
        "a.json",
        "patchelf",
    )
    assert result.returncode == 0, result.stderr
    lock = Lock.read(tmp_path / "a.json")
    assert lock.architecture == "arm64"
    assert {"patchelf", "libstdc++6"} <= {package.name for package in lock.packages}
    assert all(package.filename.endswith(("_arm64.deb", "_all.deb")) for package in lock.packages)


def test_a_lock_survives_writing_and_reading(lock: Lock, tmp_path: Path) -> None:
    lock.write(tmp_path / "a.json")
    assert Lock.read(tmp_path / "a.json") == lock


def test_fetch_unpacks_and_leaves_nothing_else(tree: Path) -> None:
    assert (tree / "usr/bin/patchelf").is_file()
    assert not list(tree.glob("*.deb"))
    assert not list(tree.glob("tmp*")) + list(tree.glob("rules_deepgemm-*"))


def test_a_file_of_another_hash_is_an_error(lock: Lock, tmp_path: Path) -> None:
    """The lock's and the mirror's patchelf have the same version and different bytes."""
    packages = (
        dataclasses.replace(package, sha256="0" * 64) if package.name == "patchelf" else package
        for package in lock.packages
    )
    dataclasses.replace(lock, packages=tuple(packages)).write(tmp_path / "wrong.json")
    result = run(tmp_path, "fetch", "--lock", "wrong.json", "--out", "out")
    assert result.returncode == 1
    assert f"wrong.json has {'0' * 64} for the same version; nothing was unpacked" in result.stderr
    assert not list((tmp_path / "out").iterdir())


@pytest.fixture
def gone(lock: Lock, tmp_path: Path) -> str:
    """The name of a lock with a version that the mirror has dropped."""
    packages = (
        dataclasses.replace(package, version="0.0-1") if package.name == "patchelf" else package
        for package in lock.packages
    )
    dataclasses.replace(lock, packages=tuple(packages)).write(tmp_path / "gone.json")
    return "gone.json"


def test_a_version_that_the_mirror_lacks_is_replaced_and_named(lock: Lock, gone: str, tmp_path: Path) -> None:
    result = run(tmp_path, "fetch", "--lock", gone, "--out", "out")
    assert result.returncode == 0, result.stderr
    (version,) = (package.version for package in lock.packages if package.name == "patchelf")
    assert f"warning: the mirror has moved on from gone.json: taking patchelf {version}, which" in result.stderr
    assert (tmp_path / "out/usr/bin/patchelf").is_file()


def test_a_version_that_the_mirror_lacks_is_an_error_where_the_lock_must_hold(
    lock: Lock, gone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(debian.STRICT_VARIABLE, "1")
    result = run(tmp_path, "fetch", "--lock", gone, "--out", "out")
    assert result.returncode == 1
    assert "the mirror has moved on from gone.json (patchelf " in result.stderr
    assert "update the lock with: python3 -m bazel.fetch.debian relock gone.json" in result.stderr
    assert not list((tmp_path / "out").iterdir())
    updated = run(tmp_path, "relock", gone)
    assert updated.returncode == 0, updated.stderr
    assert Lock.read(tmp_path / gone) == lock


@pytest.mark.parametrize(
    "content", ["", "[]", '{"schema": 2}', "{}", '{"packages": 1}', '{"packages": [{"name": "x"}]}', "\0"]
)
def test_what_is_not_a_lock_is_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content)
    result = run(tmp_path, "fetch", "--lock", "a.json", "--out", "out")
    assert result.returncode == 1
    assert result.stderr.startswith("error: a.json: not a lock file of Debian packages")
    assert len(result.stderr.splitlines()) == 1


def test_an_unknown_suite_is_one_line(tmp_path: Path) -> None:
    result = run(tmp_path, "lock", "--suite", "no-such-suite", "--out", "a.json", "patchelf")
    assert result.returncode == 1
    assert result.stderr.startswith("error: apt-get update (no-such-suite)")
    assert not (tmp_path / "a.json").exists()


def test_the_mirror_of_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(debian.MIRROR_VARIABLE, "http://127.0.0.1:9/debian/")
    assert debian.mirrors()[0] == "http://127.0.0.1:9/debian"
    with pytest.raises(CommandError, match="apt-get update"):
        debian.lock(SUITE, "amd64", ["patchelf"])


def test_another_mirror_is_tried_where_one_does_not_answer(lock: Lock, tmp_path: Path) -> None:
    debian.fetch(lock, tmp_path, "test.lock.json", ["http://127.0.0.1:9/debian", *debian.mirrors()])
    assert (tmp_path / "usr/bin/patchelf").is_file()


def test_a_relocated_program_runs_with_its_own_libraries(tree: Path) -> None:
    link = tree / "usr" / "absolute"
    link.symlink_to("/usr/bin/patchelf")
    program = tree / "usr" / "bin" / "xz"
    assert program in relocate.relocate(tree, str(tree))
    assert os.readlink(link) == "bin/patchelf"
    seen = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, env={"LD_DEBUG": "libs"})
    assert seen.stdout.startswith("xz ")
    assert "calling init: /lib" not in seen.stderr
    assert "liblzma.so.5" in seen.stderr


def test_relocation_gives_the_same_bytes_anywhere(lock: Lock, tmp_path: Path) -> None:
    digests = []
    for name in ("one", "another/place"):
        root = tmp_path / name
        root.mkdir(parents=True)
        debian.fetch(lock, root, "test.lock.json", debian.mirrors())
        digests.append(
            {str(path.relative_to(root)): path.read_bytes() for path in relocate.relocate(root, "external/x")}
        )
    assert digests[0] == digests[1]
    assert "usr/bin/xz" in digests[0]


@pytest.mark.parametrize("place", ["/", "{root}/"])
def test_absolute_links_become_relative(tmp_path: Path, place: str) -> None:
    """As dpkg-deb unpacks them, and as Bazel does."""
    link = tmp_path / "usr/lib/link"
    link.parent.mkdir(parents=True)
    link.symlink_to(place.format(root=tmp_path) + "usr/share/file")
    (tmp_path / "usr/relative").symlink_to("lib/link")
    relocate.main([str(tmp_path)])
    assert os.readlink(link) == "../share/file"
    assert os.readlink(tmp_path / "usr/relative") == "lib/link"


def test_a_tree_without_patchelf_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="add patchelf to its packages"):
        relocate.relocate(tmp_path, "/x")
