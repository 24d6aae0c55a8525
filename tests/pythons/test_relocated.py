"""The CPython out of Debian's packages: it runs from any place, for any purpose, with nothing of the machine."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole tree, moved to a path with a space."""
    python = Path(os.environ["RUNFILES_DIR"], os.environ["PYTHON"]).resolve()
    target = tmp_path_factory.mktemp("moved") / "a place"
    for name in ("bin", "lib", "libexec"):
        shutil.copytree(python.parents[1] / name, target / name, symlinks=True)
    return target


@pytest.fixture
def python(tree: Path) -> Path:
    return tree / "bin/python3"


def run(*command: str | Path, **options: object) -> str:
    """Runs a command without anything of this process's environment, and returns what it prints."""
    environment = {"PATH": "/usr/bin:/bin", **options.pop("env", {})}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, **options)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_its_modules_work(python: Path) -> None:
    modules = ["ssl", "sqlite3", "ctypes", "zlib", "bz2", "lzma", "hashlib", "uuid", "readline", "curses", "_decimal"]
    run(python, "-c", f"import {', '.join(modules)}; sqlite3.connect(':memory:'); ssl.create_default_context()")


def test_everything_it_loads_is_its_own(tree: Path, python: Path) -> None:
    code = """if True:
        import ctypes, ssl, sqlite3, lzma, sys
        ctypes.CDLL("libstdc++.so.6")
        print(*{line.split(None, 5)[5].strip() for line in open("/proc/self/maps") if ".so" in line}, sep="\\n")
        print(*sys.path[1:], sep="\\n")"""
    loaded = run(python, "-c", code).splitlines()
    assert any("libstdc++.so.6" in path for path in loaded)
    assert any("libssl.so.3" in path for path in loaded)
    assert [path for path in loaded if not os.path.normpath(path).startswith(str(tree))] == []


def test_it_starts_from_anywhere(tree: Path, python: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(os.path.relpath(python, tmp_path))
    second = tmp_path / "second"
    second.symlink_to(link)
    code = "import sys; print(sys.executable); print(sys.prefix)"
    for command, cwd, environment in (
        ([python], "/", {}),
        (["./python3"], python.parent, {}),
        (["bin/../bin/python3"], tree, {}),
        ([link], "/", {}),
        ([second], "/", {}),
        (["sh", "-c", 'exec python3 "$@"', "sh"], "/", {"PATH": f"{python.parent}:/usr/bin:/bin"}),
        (["sh", "-c", 'exec python3 "$@"', "sh"], python.parent, {"PATH": ".:/usr/bin:/bin"}),
    ):
        executable, prefix = run(*command, "-I", "-c", code, cwd=cwd, env=environment).splitlines()
        assert os.path.samefile(executable, python)
        assert os.path.samefile(prefix, tree)


def test_it_starts_itself(python: Path) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(7)'], check=True)"
    assert run(python, "-c", code) == "7"


def test_multiprocessing_spawns(python: Path, tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text(
        "import multiprocessing\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(2) as pool:\n"
        "        print(sum(pool.map(abs, [-1, -2])))\n",
        encoding="utf-8",
    )
    assert run(python, script) == "3"


def test_library_paths_of_the_machine_reach_its_children_alone(python: Path, tmp_path: Path) -> None:
    (tmp_path / "libz.so.1").write_text("no library", encoding="utf-8")
    code = "import os, zlib; print(os.environ['LD_LIBRARY_PATH'])"
    assert run(python, "-c", code, env={"LD_LIBRARY_PATH": str(tmp_path)}) == str(tmp_path)


def test_a_virtual_environment_with_pip(tree: Path, python: Path, tmp_path: Path) -> None:
    run(python, "-m", "venv", tmp_path / "v env")
    inside = tmp_path / "v env/bin/python"
    prefix, base = run(inside, "-c", "import sys; print(sys.prefix); print(sys.base_prefix)").splitlines()
    assert os.path.samefile(prefix, tmp_path / "v env")
    assert os.path.samefile(base, tree)
    assert "site-packages/pip" in run(inside, "-m", "pip", "--version")
    assert run(inside, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check").startswith("pip==")


def test_no_file_of_it_is_a_link_out_of_it(tree: Path) -> None:
    for path in tree.rglob("*"):
        if path.is_symlink():
            assert path.resolve().is_relative_to(tree)
        assert not path.stat().st_mode & stat.S_ISUID


def test_an_incomplete_tree_says_so(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(tree / "bin", tmp_path / "bin")
    result = subprocess.run([tmp_path / "bin/python3"], capture_output=True, text=True, check=False)
    assert result.returncode == 127
    assert "this Python's repository is incomplete" in result.stderr
