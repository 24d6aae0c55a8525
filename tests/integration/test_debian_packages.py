"""Debian packages on a machine without Debian: from where they come, and what an error says where they do not.

A module that depends on this one fetches a repository of two packages. Its Bazel runs where Debian's tools, apt's
configuration and the keyrings are hidden (without_debian.sh), not as root, without HOME, with umask 077, in a directory
with a blank in its name. A server on loopback stands for mirrors and for Debian's snapshot archive, to which
`--downloader_config` sends the requests for the latter; it serves the real packages.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from bazel_in_bazel import Bazel, Run, Workspace, runfile, scratch_directory
from debian_server import DebianServer, serve, snapshot_options
from without_debian import bazel_without_debian

from bazel.fetch import apt_sources

LOCK = "third_party/debian/elfutils.lock.json"
MIRROR = "RULES_DEEPGEMM_DEBIAN_MIRROR"
PACKAGES = ("libdw-dev", "libelf-dev")
HEADERS = ("root/usr/include/dwarf.h", "root/usr/include/libelf.h")
MODULE = """\
module(name = "consumer")
bazel_dep(name = "rules_deepgemm", version = "0.1.0")
local_path_override(module_name = "rules_deepgemm", path = "../rules")
packages = use_extension("@rules_deepgemm//tests/repositories:packages_extension.bzl", "packages")
packages.fetch(lock = "//:test.lock.json")
use_repo(packages, "packages")
"""
TAG = """\
debian = use_extension("@rules_deepgemm//bazel:extensions.bzl", "debian")
debian.mirror(url = "{}/")
"""


@pytest.fixture(scope="module")
def scratch() -> Path:
    return scratch_directory() / "debian_packages"


@pytest.fixture(scope="module")
def server() -> Iterator[DebianServer]:
    with serve(runfile(os.environ["ARCHIVE"].split(" ")[0]).parents[4]) as server:
        yield server


@pytest.fixture(autouse=True)
def _reset(server: DebianServer) -> None:
    server.faults.clear()
    server.requests.clear()


@pytest.fixture(scope="module")
def workspace(scratch: Path) -> Workspace:
    rules = Workspace.from_checkout(scratch / "a place/rules")
    files = {"MODULE.bazel": MODULE, "BUILD.bazel": "", ".bazelrc": ""}
    workspace = Workspace.from_files(scratch / "a place/consumer", files)
    shutil.copy(rules.root / LOCK, workspace.root / "test.lock.json")
    return workspace


class Machine:
    """One machine: a Bazel, and how it fetches the repository."""

    def __init__(self, bazel: Bazel, server: DebianServer) -> None:
        self.bazel = bazel
        self._options = snapshot_options(server, bazel.base)

    def fetch(self, *options: str, cache: str | Path = "", status: int | None = 0) -> Run:
        """Fetches the repository, whether it is there or not."""
        return self.bazel.run(
            "fetch",
            "--force",
            "--repo=@packages",
            *self._options,
            f"--repository_cache={cache}",
            "--http_timeout_scaling=0.05",
            *options,
            status=status,
        )

    def fails(self, *options: str) -> str:
        """The error of a fetch that has to fail, which leaves nothing behind."""
        run = self.fetch(*options, status=None)
        assert run.status != 0
        assert self.files() == []
        (error,) = {line for line in run.output.splitlines() if line.startswith("Error in fail: ")}
        return error

    def files(self) -> list[str]:
        """What the repository has."""
        roots = self.bazel.output_base.glob("external/*packages")
        return sorted(str(path.relative_to(root)) for root in roots for path in root.rglob("*") if path.is_file())

    def has_packages(self) -> bool:
        """Whether the repository is there, and nothing half-unpacked or downloaded beside it."""
        found = self.files()
        return set(HEADERS) <= set(found) and not [name for name in found if ".deb" in name or "data.tar" in name]


@pytest.fixture(scope="module")
def without_debian(scratch: Path, workspace: Workspace, server: DebianServer) -> Iterator[Machine]:
    """A machine without Debian; what it sees as /etc/apt is the directory `apt` of its base."""
    with bazel_without_debian(workspace, scratch / "base") as bazel:
        yield Machine(bazel, server)


def test_the_snapshot_archive_is_enough(without_debian: Machine, server: DebianServer) -> None:
    without_debian.fetch()
    assert without_debian.has_packages()
    lock = json.loads((without_debian.bazel.workspace.root / "test.lock.json").read_text(encoding="utf-8"))
    wanted = {f"/archive/debian/{lock['timestamp']}/{package['filename']}" for package in lock["packages"]}
    assert set(server.requests) == wanted


def test_the_order_of_the_sources(without_debian: Machine, server: DebianServer) -> None:
    workspace, apt = without_debian.bazel.workspace, without_debian.bazel.base / "apt"
    workspace.write("MODULE.bazel", MODULE + TAG.format(f"{server.url}/tag/debian"))
    (apt / "sources.list").write_text(f"deb {server.url}/apt/debian bookworm main\n", encoding="utf-8")
    try:
        for number, expected in enumerate(("variable", "tag", "apt", "archive")):
            server.requests.clear()
            server.faults = {(first, ""): "missing" for first in ("variable", "tag", "apt")[:number]}
            without_debian.fetch(f"--repo_env={MIRROR}={server.url}/variable/debian")
            assert without_debian.has_packages()
            assert server.prefixes() == {expected, *(first for first, _ in server.faults)}
    finally:
        workspace.write("MODULE.bazel", MODULE)
        (apt / "sources.list").unlink()


@pytest.mark.parametrize("fault", DebianServer.FAULTS)
def test_a_fault_of_one_source(without_debian: Machine, server: DebianServer, fault: str) -> None:
    server.faults["mirror", PACKAGES[0]] = fault
    without_debian.fetch(f"--repo_env={MIRROR}={server.url}/mirror")
    assert without_debian.has_packages()
    assert server.prefixes() == {"archive", "mirror"}


@pytest.mark.parametrize("fault", DebianServer.FAULTS)
def test_a_fault_of_every_source(without_debian: Machine, server: DebianServer, fault: str) -> None:
    server.faults = {(first, PACKAGES[0]): fault for first in ("archive", "mirror")}
    error = without_debian.fails(f"--repo_env={MIRROR}={server.url.replace('//', '//user:secret@')}/mirror")
    assert "@packages: packages for a test: could not download libdw-dev_0.183-1_amd64.deb, tried" in error
    assert f"{server.url}/mirror/pool/main/e/elfutils/libdw-dev_0.183-1_amd64.deb, https://" in error
    assert "secret" not in error
    assert f"{MIRROR}=URL" in error
    server.faults.clear()
    without_debian.fetch()
    assert without_debian.has_packages()


def test_nothing_is_reachable(without_debian: Machine, server: DebianServer) -> None:
    server.faults["archive", ""] = "missing"
    error = without_debian.fails(f"--repo_env={MIRROR}=http://127.0.0.1:9/debian")
    assert "could not download libdw-dev_0.183-1_amd64.deb and 1 more files, tried http://127.0.0.1:9/debian/" in error


def test_ubuntus_sources_name_no_mirror(without_debian: Machine, server: DebianServer) -> None:
    sources = without_debian.bazel.base / "apt/sources.list"
    sources.write_text(f"deb {server.url}/ubuntu noble main universe\n", encoding="utf-8")
    try:
        without_debian.fetch()
    finally:
        sources.unlink()
    assert without_debian.has_packages()
    assert server.prefixes() == {"archive"}


def test_the_repository_cache_is_enough(
    without_debian: Machine, workspace: Workspace, server: DebianServer, scratch: Path
) -> None:
    """A second output base, with every source gone."""
    cache = scratch / "cache"
    without_debian.fetch(cache=cache)
    server.requests.clear()
    with Bazel(workspace, scratch / "second") as bazel:
        second = Machine(bazel, server)
        second.fetch(f"--repo_env={MIRROR}=http://127.0.0.1:9/debian", cache=cache)
        assert second.has_packages()
    assert server.requests == []


@pytest.mark.parametrize("text", ["{}", "[]", '{"schema": 2}'])
def test_a_lock_of_another_schema(without_debian: Machine, text: str) -> None:
    workspace = without_debian.bazel.workspace
    before = (workspace.root / "test.lock.json").read_text(encoding="utf-8")
    workspace.write("test.lock.json", text)
    try:
        error = without_debian.fails()
    finally:
        workspace.write("test.lock.json", before)
    assert "is not a lock of Debian packages with schema 1; write it again with: python3 -m bazel.fetch.debian" in error


@pytest.mark.parametrize("url", ["", "mirror.example/debian", "ftp://mirror.example/debian"])
def test_a_mirror_that_is_no_url(without_debian: Machine, url: str) -> None:
    workspace = without_debian.bazel.workspace
    workspace.write("MODULE.bazel", MODULE + TAG.format(url).replace('/")', '")'))
    try:
        run = without_debian.fetch(status=None)
    finally:
        workspace.write("MODULE.bazel", MODULE)
    assert run.status != 0
    assert f'debian.mirror: url is "{url}"; expected a URL such as' in run.output


@pytest.fixture
def old_python(scratch: Path) -> Path:
    """A directory for the PATH, with a python3 as AlmaLinux 8 has it."""
    directory = scratch / "old"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    (directory / "python3").write_text("#!/bin/sh\necho 3 6\n", encoding="utf-8")
    (directory / "python3").chmod(0o755)
    return directory


def test_an_old_python3_alone(without_debian: Machine, old_python: Path) -> None:
    error = without_debian.fails(f"--repo_env=PATH={old_python}")
    assert f"{old_python}/python3 is older than Python 3.9: install Python 3.9 or newer (" in error
    assert "RULES_DEEPGEMM_PYTHON=/path/to/python3" in error


def test_an_old_python3_beside_a_newer_one(without_debian: Machine, old_python: Path) -> None:
    newer = old_python / "python3.11"
    newer.write_text(f'#!/bin/sh\nexec {shutil.which("python3")} "$@"\n', encoding="utf-8")
    newer.chmod(0o755)
    without_debian.fetch(f"--repo_env=PATH={old_python}")
    assert without_debian.has_packages()


def test_no_python3(without_debian: Machine, old_python: Path) -> None:
    (old_python / "python3").unlink()
    assert "no python3 on the PATH: install Python" in without_debian.fails(f"--repo_env=PATH={old_python}")


@pytest.fixture(scope="module")
def with_debian(scratch: Path, workspace: Workspace, server: DebianServer) -> Iterator[Machine]:
    """This machine as it is, if it is a Debian."""
    if not (shutil.which("apt-get") and apt_sources.mirrors()):
        pytest.skip("this machine has no apt-get, or no Debian mirror in apt's sources")
    with Bazel(workspace, scratch / "debian") as bazel:
        yield Machine(bazel, server)


@pytest.fixture
def dropped(workspace: Workspace) -> Iterator[None]:
    """The lock has a version that no mirror has any more."""
    file = workspace.root / "test.lock.json"
    before = file.read_text(encoding="utf-8")
    lock = json.loads(before)
    old = lock["packages"][0]
    filename = old["filename"].replace(old["version"], "0.1-1")
    lock["packages"][0] = {**old, "version": "0.1-1", "filename": filename, "sha256": "0" * 64}
    file.write_text(json.dumps(lock), encoding="utf-8")
    yield
    file.write_text(before, encoding="utf-8")


@pytest.mark.usefixtures("dropped")
def test_apt_replaces_a_version_that_no_source_has(with_debian: Machine) -> None:
    run = with_debian.fetch()
    assert with_debian.has_packages()
    assert "warning: the mirror has moved on from test.lock.json: taking libdw-dev 0.183-1, which Debian" in run.output


@pytest.mark.usefixtures("dropped")
def test_strict_forbids_the_replacement(with_debian: Machine) -> None:
    error = with_debian.fails("--repo_env=RULES_DEEPGEMM_DEBIAN_STRICT=1")
    assert "could not download libdw-dev_0.1-1_amd64.deb, tried " in error
    assert "moved on from test.lock.json (libdw-dev 0.183-1) and RULES_DEEPGEMM_DEBIAN_STRICT is set; update" in error


@pytest.mark.usefixtures("dropped")
def test_without_apt_there_is_no_replacement(without_debian: Machine) -> None:
    error = without_debian.fails()
    assert "could not download libdw-dev_0.1-1_amd64.deb, tried https://" in error
    assert "apt" not in error.partition("tried")[2].replace("the warnings above", "")
