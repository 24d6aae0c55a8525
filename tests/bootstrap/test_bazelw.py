"""The launcher: which Bazel it takes, what it hands on, and what it says where it can make none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bazel_in_bazel import which_bazel

from bazel.fetch import apt_sources
from tools.bootstrap.bazel import recipe

ROOT = Path(__file__).resolve().parents[2]
VERSION = (ROOT / ".bazelversion").read_text().strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout's launcher, in a directory whose name has a blank."""
    checkout = tmp_path / "a checkout"
    for folder in ("tools/bootstrap", "bazel/fetch"):
        shutil.copytree(ROOT / folder, checkout / folder)
    for name in ("bazelw", ".bazelversion"):
        shutil.copy(ROOT / name, checkout / name)
    return checkout


def program(directory: Path, name: str, version: str) -> Path:
    """A program that answers --version as Bazel does, and prints whatever else it is given."""
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f'#!/bin/sh\n[ "$*" = --version ] && echo "{version}" && exit\nprintf "<%s>" {name} "$@"\n')
    path.chmod(0o755)
    return path


def bazelw(
    project: Path, *arguments: str, path: str = "/usr/bin:/bin", **variables: str
) -> subprocess.CompletedProcess:
    environment = {"PATH": path, "HOME": str(project.parent), **variables}
    return subprocess.run(
        [project / "bazelw", *arguments], capture_output=True, text=True, check=False, env=environment
    )


def test_the_variable_wins_and_gets_every_argument(project: Path) -> None:
    named = program(project.parent / "named", "mine", "bazel 1.0")
    on_path = program(project.parent / "bin", "bazel", f"bazel {VERSION}")
    run = bazelw(
        project, "--output_base=/a b", "build", "//x", BAZEL=str(named), path=f"{on_path.parent}:/usr/bin:/bin"
    )
    assert run.stdout == "<mine><--output_base=/a b><build><//x>"


@pytest.mark.parametrize("name", ["bazel", "bazelisk"])
@pytest.mark.parametrize("suffix", ["", "- (@non-git)"])
def test_the_path_serves_if_its_version_is_right(project: Path, name: str, suffix: str) -> None:
    found = program(project.parent / "bin", name, f"bazel {VERSION}{suffix}")
    assert bazelw(project, "info", path=f"{found.parent}:/usr/bin:/bin").stdout == f"<{name}><info>"


@pytest.mark.parametrize("version", ["8.0.0", VERSION + "0", VERSION.replace(".", "x")])
def test_another_version_on_the_path_is_passed_over(project: Path, version: str) -> None:
    found = program(project.parent / "bin", "bazel", f"bazel {version}")
    cached = project.parent / ".cache" / "rules_deepgemm" / f"bazel-{VERSION}-{recipe()}" / "bin"
    cached.mkdir(parents=True)
    program(cached, "bazel", "").write_text('#!/bin/sh\necho cached "$@"\n')
    assert bazelw(project, "info", path=f"{found.parent}:/usr/bin:/bin").stdout == "cached info\n"


def test_a_link_to_the_launcher_is_not_a_bazel(project: Path) -> None:
    (project.parent / "bin").mkdir()
    (project.parent / "bin" / "bazel").symlink_to(project / "bazelw")
    run = bazelw(project, "info", path=f"{project.parent}/bin:/usr/bin:/bin", RULES_DEEPGEMM_CACHE="/tmp/not here")
    assert run.returncode == 1


@pytest.mark.parametrize("cache", ["/tmp/cache", "/var/a cache"])
def test_a_cache_directory_that_cannot_work_is_refused(project: Path, cache: str) -> None:
    run = bazelw(project, "info", RULES_DEEPGEMM_CACHE=cache)
    assert run.returncode == 1
    assert f"error: the cache directory {cache} is below /tmp or has a blank" in run.stderr
    assert "Traceback" not in run.stderr


def test_without_apt_it_says_what_to_install(project: Path) -> None:
    tools = project.parent / "tools"
    tools.mkdir()
    for tool in ("bash", "dirname", "readlink", "timeout", "python3"):
        (tools / tool).symlink_to(shutil.which(tool))
    run = bazelw(project, "info", path=str(tools), RULES_DEEPGEMM_CACHE=f"{os.environ['TEST_TMPDIR']}/cache")
    assert run.returncode == 1
    assert "error: apt-get, apt-cache, dpkg-deb not found" in run.stderr
    assert "Install Bazelisk" in run.stderr
    assert not list(Path(os.environ["TEST_TMPDIR"], "cache").glob("*-*"))


def test_another_version_than_debian_has_is_an_error(project: Path) -> None:
    if not (shutil.which("apt-get") and apt_sources.mirrors()):
        pytest.skip("this machine has no apt-get, or no Debian mirror in apt's sources")
    (project / ".bazelversion").write_text("0.0.1\n")
    run = bazelw(project, "info", RULES_DEEPGEMM_CACHE=f"{os.environ['TEST_TMPDIR']}/other")
    assert run.returncode == 1
    assert "this project asks for 0.0.1" in run.stderr


def test_the_recipe_covers_every_file_that_makes_a_bazel() -> None:
    """An edit of any of them has to make another Bazel."""
    code = """if True:
        import sys
        from pathlib import Path
        from tools.bootstrap import bazel
        ours = {Path(module.__file__) for name, module in sys.modules.items() if name.startswith("bazel.fetch.")}
        print(sorted(ours) == sorted(Path(module.__file__) for module in bazel.SOURCES))"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert seen.stdout == "True\n"


def test_the_server_knows_its_version(tmp_path: Path) -> None:
    """Rule sets ask `native.bazel_version` what this Bazel can do; Debian's build knows none."""
    (tmp_path / "MODULE.bazel").touch()
    command = [which_bazel(), f"--output_user_root={tmp_path}/out", "--batch", "info", "release"]
    release = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()
    assert release == f"release {VERSION}"
