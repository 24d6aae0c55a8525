"""Fetching by pinned hash: which files are chosen, which are refused, and what is left behind after a failure."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from packages import Index, sha256

from bazel.fetch import pip_client, pip_fetch
from bazel.fetch.command import CommandError
from bazel.fetch.unpack import unpack_sdist

_LINUX = "py3-none-manylinux_2_17_x86_64"


def _run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    status = pip_fetch.main([str(argument) for argument in arguments])
    return status, capsys.readouterr().err


def _fails(capsys: pytest.CaptureFixture[str], out: Path, *arguments: str | Path) -> str:
    """Runs it and returns the one line of the error; nothing incomplete may be left."""
    before = set(out.parent.iterdir())
    status, stderr = _run(capsys, *arguments, "--out", out)
    assert status == 1
    assert stderr.startswith("error: "), stderr
    assert stderr.count("\n") == 1, stderr
    assert set(out.parent.iterdir()) == before
    return stderr


def test_wheels_are_unpacked_as_installed(index: Index, tmp_path: Path, capsys) -> None:
    first = index.wheel("first", {"first/__init__.py": "x = 1\n", "first/data/a.txt": "a"})
    second = index.wheel("second", {"second.py": "", "second-1.0.data/scripts/tool": "#!/bin/sh\n"}, _LINUX)
    out = tmp_path / "site"
    assert _run(capsys, "wheels", "--requirements", index.pin(first, second), "--out", out)[0] == 0
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert files == {
        "bin/tool",
        "first/__init__.py",
        "first/data/a.txt",
        "first-1.0.dist-info/METADATA",
        "first-1.0.dist-info/WHEEL",
        "second.py",
        "second-1.0.dist-info/METADATA",
        "second-1.0.dist-info/WHEEL",
    }


def test_only_what_is_included_is_unpacked(index: Index, tmp_path: Path, capsys) -> None:
    wheel = index.wheel("first", {"first/a.h": "", "first/b.h": "", "first/c.py": ""})
    arguments = [
        "wheels",
        "--requirements",
        index.pin(wheel),
        "--include",
        "first/*.h",
        "--exclude",
        "*/b.h",
    ]
    assert _run(capsys, *arguments, "--out", tmp_path / "site")[0] == 0
    assert [path.name for path in (tmp_path / "site").rglob("*") if path.is_file()] == ["a.h"]


def test_archive_keeps_its_name(index: Index, tmp_path: Path, capsys) -> None:
    wheel = index.wheel("first", {"first.py": ""}, "cp38-abi3-manylinux_2_28_x86_64")
    arguments = [
        "archives",
        "--requirements",
        index.pin(wheel),
        "--python",
        "3.12",
        "--out",
        tmp_path / "out",
    ]
    assert _run(capsys, *arguments)[0] == 0
    (found,) = (tmp_path / "out").iterdir()
    assert found.name == wheel.name
    assert sha256(found) == sha256(wheel)


def test_choice_depends_on_options_alone(index: Index, tmp_path: Path, capsys) -> None:
    here = f"cp{sys.version_info.major}{sys.version_info.minor}"
    wheels = [
        index.wheel("first", {"which.py": tag}, tag)
        for tag in (
            "py3-none-any",
            f"{here}-{here}-manylinux_2_17_x86_64",
            "cp39-cp39-manylinux_2_17_x86_64",
        )
    ]
    hashes = " ".join(f"--hash=sha256:{sha256(wheel)}" for wheel in wheels)
    requirements = index.requirements(f"first==1.0 {hashes}")
    for python, expected in [("any", "py3-none-any"), ("3.9", "cp39-cp39-manylinux_2_17_x86_64")]:
        out = tmp_path / python
        assert _run(capsys, "wheels", "--requirements", requirements, "--python", python, "--out", out)[0] == 0
        assert (out / "which.py").read_text() == expected


_BUILD_SYSTEM = '[build-system]\nrequires = ["absent"]\nbuild-backend = "backend"\n'
_BACKEND = "raise SystemExit('the backend was run')\n"


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"pyproject.toml": _BUILD_SYSTEM},
        {"pyproject.toml": _BUILD_SYSTEM + 'backend-path = ["."]\n', "backend.py": _BACKEND},
        {"pyproject.toml": _BUILD_SYSTEM + 'backend-path = ["in"]\n', "in/backend.py": _BACKEND},
        {"pyproject.toml": '[project]\nname = "some-thing"\nversion = "1.0"\nrequires-python = ">=4"\n'},
        {"sitecustomize.py": _BACKEND, "pip.py": _BACKEND, "json.py": _BACKEND},
    ],
    ids=["setup.py", "absent backend", "backend at the top", "backend in a directory", "no backend", "the same names"],
)
def test_sdist_is_unpacked_and_not_run(index: Index, tmp_path: Path, capsys, members: dict[str, str]) -> None:
    sdist = index.sdist("some-thing", {"src/a.cpp": "int a;\n", **members})
    requirements = index.requirements(f"some-thing==1.0 --hash=sha256:{sha256(sdist)}")
    out = tmp_path / "src"
    assert _run(capsys, "sdist", "--requirements", requirements, "--out", out) == (0, "")
    assert (out / "src/a.cpp").read_text() == "int a;\n"


@pytest.mark.parametrize(
    "command",
    [["setup.py", "egg_info"], ["-m", "pip", "install"], ["_in_process.py", "build_wheel", "."]],
    ids=["setup.py", "build requirements", "another hook"],
)
def test_a_pip_that_starts_something_else_runs_nothing(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "setup.py").write_text("print('setup.py was run')")
    backend = Path(pip_client.__file__).with_name("sdist_backend.py")
    arguments = [sys.executable, "-S", str(backend), "first==1.0", *command]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ERROR: this version of pip is not supported for sdists: use another one\n"


def test_link_in_an_sdist_is_a_copy(index: Index, tmp_path: Path, capsys) -> None:
    sdist = index.sdist("first", {"LICENSE": "terms", "python/LICENSE": "-> ../LICENSE"})
    out = tmp_path / "src"
    assert _run(capsys, "sdist", "--requirements", index.pin(sdist), "--out", out)[0] == 0
    assert (out / "python/LICENSE").read_text() == "terms"
    assert not (out / "python/LICENSE").is_symlink()


# Newer versions of pip refuse these themselves.
@pytest.mark.parametrize("target", ["/etc/hostname", "../../etc/hostname", "absent"])
def test_link_out_of_an_sdist(index: Index, tmp_path: Path, target: str) -> None:
    with pytest.raises(CommandError, match=r"first-1\.0/link' is a device, or a link to no file of the archive"):
        unpack_sdist(index.sdist("first", {"link": f"-> {target}"}), tmp_path / "src")


def test_sdist_among_others(index: Index, tmp_path: Path, capsys) -> None:
    archives = [index.sdist("first", {}), index.sdist("second", {})]
    error = _fails(capsys, tmp_path / "src", "sdist", "--requirements", index.pin(*archives))
    assert "requirements.txt has 2 packages with == and --hash=sha256:…; expected one, an sdist" in error


def test_wrong_hash(index: Index, tmp_path: Path, capsys) -> None:
    wheel = index.wheel("first", {"first.py": ""})
    found = sha256(wheel)
    requirements = index.requirements(f"first==1.0 --hash=sha256:{'0' * 64}")
    error = _fails(capsys, tmp_path / "site", "wheels", "--requirements", requirements)
    assert f"first==1.0: the downloaded file has sha256 {found}, but requirements.txt pins {'0' * 64}" in error


def test_truncated_download(index: Index, tmp_path: Path, capsys) -> None:
    wheel = index.wheel("first", {"first.py": "x" * 1000})
    requirements = index.pin(wheel)
    wheel.write_bytes(wheel.read_bytes()[:-100])
    error = _fails(capsys, tmp_path / "site", "wheels", "--requirements", requirements)
    assert "cut short" in error
    assert sha256(wheel) in error


def test_version_not_on_the_index(index: Index, tmp_path: Path, capsys) -> None:
    index.wheel("first", {"first.py": ""})
    requirements = index.requirements(f"first==2.0 --hash=sha256:{'0' * 64}")
    error = _fails(capsys, tmp_path / "site", "wheels", "--requirements", requirements)
    assert "the package index has no first==2.0" in error


def test_wheel_for_another_platform(index: Index, tmp_path: Path, capsys) -> None:
    wheel = index.wheel("first", {"first.py": ""}, "py3-none-manylinux_2_40_x86_64")
    arguments = ["wheels", "--requirements", index.pin(wheel), "--glibc", "2.28"]
    assert "the package index has no first==1.0 with the hashes" in _fails(capsys, tmp_path / "site", *arguments)


@pytest.mark.parametrize("line", ["first", "first==1.0", "first>=1.0 --hash=sha256:" + "0" * 64])
def test_unpinned_requirement(index: Index, tmp_path: Path, capsys, line: str) -> None:
    index.wheel("first", {"first.py": ""})
    error = _fails(capsys, tmp_path / "site", "wheels", "--requirements", index.requirements(line))
    assert "does not pin every requirement" in error


def test_member_outside_the_archive(index: Index, tmp_path: Path, capsys) -> None:
    wheel = index.wheel("first", {"../outside.py": ""})
    error = _fails(capsys, tmp_path / "site", "wheels", "--requirements", index.pin(wheel))
    assert "'../outside.py' points outside" in error


def test_pinned_text_that_is_no_wheel(index: Index, tmp_path: Path, capsys) -> None:
    wheel = index.wheel("first", {"first.py": ""})
    wheel.write_text("no zip")
    _fails(capsys, tmp_path / "site", "wheels", "--requirements", index.pin(wheel))


def test_missing_requirement_file(tmp_path: Path, capsys) -> None:
    error = _fails(capsys, tmp_path / "site", "wheels", "--requirements", tmp_path / "none.txt")
    assert "none.txt is not a file" in error


def test_directory_that_is_in_use(index: Index, tmp_path: Path, capsys) -> None:
    wheel = index.wheel("first", {"first.py": ""})
    out = tmp_path / "site"
    out.mkdir()
    (out / "mine.txt").write_text("kept")
    assert "is not empty" in _fails(capsys, out, "wheels", "--requirements", index.pin(wheel))
    assert (out / "mine.txt").read_text() == "kept"


def test_full_disk_while_unpacking(index: Index, tmp_path: Path, capsys, monkeypatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pip_fetch, "unpack_wheel", full)
    wheel = index.wheel("first", {"first.py": ""})
    assert "the disk is full" in _fails(capsys, tmp_path / "site", "wheels", "--requirements", index.pin(wheel))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["ERROR: Could not install packages: [Errno 28] No space left on device"],
            "the disk is full",
        ),
        (
            [
                "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError'",
                "ERROR: No matching distribution found for torch==2.14.0",
            ],
            "the package index cannot be reached (looking for torch==2.14.0)",
        ),
        (["ReadTimeoutError: Read timed out."], "the download broke off"),
        (
            ["ERROR: something new"],
            "pip stopped with exit code 2 while fetching r.txt: ERROR: something new",
        ),
        ([], "pip stopped with exit code 2 while fetching r.txt: it said nothing"),
    ],
)
def test_what_pip_says_in_one_line(lines: list[str], expected: str) -> None:
    message = pip_client.explain(lines, Path("r.txt"), 2)
    assert message.startswith(expected)
    assert "\n" not in message


def test_no_pip_and_no_uv(monkeypatch, tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="has no pip, and there is no uv"):
        pip_client.find_pip()
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    assert pip_client.find_pip()[0] == str(uv)


@pytest.mark.parametrize("glibc", ["3.0", "2", "2.28.1", "new", "2.4"])
def test_glibc_that_is_none(glibc: str) -> None:
    with pytest.raises(CommandError, match=r"expected 2\.MINOR"):
        pip_client.manylinux_platforms(glibc)


def test_error_file(tmp_path: Path, capsys) -> None:
    report = tmp_path / "error"
    arguments = [
        "wheels",
        "--requirements",
        tmp_path / "none.txt",
        "--out",
        tmp_path / "o",
        "--error-file",
        report,
    ]
    status, stderr = _run(capsys, *arguments)
    assert status == 1
    assert "none.txt" in report.read_text()
    assert stderr == f"error: {report.read_text()}\n"
