"""Which wheels of torch a requirement file or a project's lock gives, and what it says of a lock that has none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from bazel.fetch.pins import Pin, read_pins
from bazel.torch import torch_pins

_HEADERS = Path(os.environ["HEADERS"]).absolute()
_TORCH = Path(os.environ["TORCH"]).absolute()
_PROJECT = """\
[project]
name = "my-ops"
version = "1.0"
requires-python = ">=3.11,<3.15"
dependencies = ["torch=={version}", "packaging"]

[tool.uv]
environments = ["sys_platform == 'linux'"]
"""
_UV = """\
version = 1
requires-python = ">=3.11"

[[package]]
name = "my-ops"
version = "1.0"
source = {{ virtual = "." }}
dependencies = [{{ name = "torch" }}]

{packages}
"""
_SHA = {letter: letter * 64 for letter in "abcdef"}


def _package(name: str, version: str, letter: str, more: str = "", wheel: str = "py3-none-any") -> str:
    return (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\n'
        f'source = {{ registry = "https://index.example/simple" }}\n{more}\n'
        f'wheels = [{{ url = "https://host.example/{name.replace("-", "_")}-{version}-{wheel}.whl",'
        f' hash = "sha256:{_SHA[letter]}" }}]\n'
    )


def _run(part: str, requirements: Path, python: str = "3.12") -> int:
    arguments = [part, "--requirements", str(requirements), "--python", python]
    return torch_pins.main([*arguments, "--headers", str(_HEADERS), "--out", str(requirements.with_name("out.txt"))])


def _pins(part: str, requirements: Path, python: str = "3.12") -> dict[str, Pin]:
    assert _run(part, requirements, python) == 0
    pins = read_pins(requirements.with_name("out.txt").read_text(encoding="utf-8"))
    assert pins is not None
    return {pin.name: pin for pin in pins}


def _fails(capsys: pytest.CaptureFixture[str], part: str, requirements: Path) -> str:
    assert _run(part, requirements) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1, error
    return error


def _lock(tmp_path: Path, *packages: str) -> Path:
    path = tmp_path / "uv.lock"
    path.write_text(_UV.format(packages="\n".join(packages)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that uv has locked with the torch that this repository pins, and the same lock as pylock.toml."""
    project = tmp_path_factory.mktemp("project")
    (project / "pyproject.toml").write_text(_PROJECT.format(version=_TORCH.stem), encoding="utf-8")
    uv = str(Path(os.environ["UV"]).absolute())
    # A sandbox cannot write into the user's cache.
    environment = {**os.environ, "UV_CACHE_DIR": str(project / "cache")}
    for arguments in (["lock"], ["export", "--frozen", "--format=pylock.toml", "--output-file=pylock.toml"]):
        command = [uv, *arguments, "--quiet", "--system-certs"]
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return project


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml"])
def test_a_lock_pins_what_the_pin_file_pins(locked: Path, name: str) -> None:
    found = _pins("cuda", locked / name)
    expected = {pin.name: pin for pin in read_pins(_TORCH.read_text(encoding="utf-8")) or []}
    assert {pin.name: pin.version for pin in found.values()} == {pin.name: pin.version for pin in expected.values()}
    # uv leaves out the wheels of other systems.
    assert all(found[name].hashes and found[name].hashes <= pin.hashes for name, pin in expected.items())


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml"])
def test_a_torch_without_cuda_is_torch_alone(locked: Path, name: str) -> None:
    assert list(_pins("cpu", locked / name)) == ["torch"]


def test_what_an_import_needs_is_in_one_of_two_parts(locked: Path) -> None:
    shared, compiled = (_pins(part, locked / "uv.lock") for part in ("shared", "compiled"))
    assert not set(shared) & set(compiled)
    assert {"torch", "triton", "markupsafe"} <= set(compiled)
    assert {"nvidia-cudnn-cu13", "typing-extensions", "sympy"} <= set(shared)
    # Not what the project has beside torch, nor what only a compiler needs.
    assert not {"packaging", "my-ops", "nvidia-cuda-crt"} & (set(shared) | set(compiled))


def test_a_requirement_file_without_cuda(tmp_path: Path) -> None:
    requirements = tmp_path / "2.14.0.txt"
    index = "--extra-index-url https://host.example/whl/cpu"
    requirements.write_text(f"{index}\n{_TORCH.read_text(encoding='utf-8')}", encoding="utf-8")
    assert list(_pins("cpu", requirements)) == ["torch"]
    assert (tmp_path / "out.txt").read_text().startswith(f"{index}\ntorch==")


def test_a_requirement_file_that_only_pip_can_read(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    text = f"torch==2.14.0 ; sys_platform == 'linux' --hash=sha256:{_SHA['a']}\n"
    requirements.write_text(text, encoding="utf-8")
    assert _run("cpu", requirements) == 0
    assert (tmp_path / "out.txt").read_text() == text


def test_the_release_of_another_python_or_system_is_not_taken(tmp_path: Path) -> None:
    lock = _lock(
        tmp_path,
        _package("torch", "2.13.0", "a", "resolution-markers = [\"python_full_version < '3.12'\"]"),
        _package("torch", "2.14.0", "b", "resolution-markers = [\"python_full_version >= '3.12'\"]"),
        _package("torch", "2.12.0", "c", "resolution-markers = [\"sys_platform == 'darwin'\"]"),
    )
    assert {python: _pins("cpu", lock, python)["torch"].version for python in ("3.11", "3.12", "3.14")} == {
        "3.11": "2.13.0",
        "3.12": "2.14.0",
        "3.14": "2.14.0",
    }


def test_a_torch_for_each_extra_of_the_project(tmp_path: Path) -> None:
    def marker(mine: str, other: str) -> str:
        return f"resolution-markers = [\"extra == 'extra-6-my-ops-{mine}' and extra != 'extra-6-my-ops-{other}'\"]"

    runtime = 'dependencies = [{ name = "nvidia-cuda-runtime" }]'
    lock = _lock(
        tmp_path,
        _package("torch", "2.14.0+cpu", "a", marker("cpu", "cu130")),
        _package("torch", "2.14.0+cu130", "b", marker("cu130", "cpu") + "\n" + runtime),
        _package("nvidia-cuda-runtime", "13.0.96", "c"),
    )
    assert _pins("cpu", lock)["torch"].version == "2.14.0+cpu"
    found = _pins("cuda", lock)
    assert found["torch"].version == "2.14.0+cu130"
    assert set(found) == {"torch", "nvidia-cuda-cccl", "nvidia-cuda-crt", "nvidia-cuda-runtime"}


def test_another_index_is_named(tmp_path: Path) -> None:
    lock = _lock(tmp_path, _package("torch", "2.14.0+cpu", "a").replace("index.example/simple", "host.example/whl/cpu"))
    assert _run("cpu", lock) == 0
    assert (tmp_path / "out.txt").read_text().startswith("--extra-index-url https://host.example/whl/cpu\n")


_OF_311 = "cp311-cp311-manylinux_2_28_x86_64"
_TORCH_AND_RUNTIME = [
    _package("torch", "2.20.0", "a", 'dependencies = [{ name = "nvidia-cuda-runtime" }]'),
    _package("nvidia-cuda-runtime", "13.4.96", "b"),
]


@pytest.mark.parametrize(
    ("part", "packages", "expected"),
    [
        ("cpu", [_package("numpy", "2.0", "a")], "uv.lock has no torch for CPython 3.12 on Linux"),
        ("cuda", [_package("torch", "2.14.0+cpu", "a")], "has torch 2.14.0+cpu without nvidia-cuda-runtime; expected"),
        ("cpu", [_package("torch", "2.14.0", "a"), _package("torch", "2.13.0", "b")], "2.14.0, 2.13.0 of torch"),
        ("cpu", [_package("torch", "2.14.0", "a").replace("hash", "odd")], "uv.lock has no SHA-256 of torch 2.14.0; "),
        (
            "cpu",
            [_package("torch", "2.14.0%2Bcpu", "a", wheel=_OF_311).replace('"2.14.0%2B', '"2.14.0+')],
            "has torch 2.14.0+cpu for cp311 on manylinux_2_28_x86_64; expected a wheel for CPython 3.12 on x86_64",
        ),
        (
            "compiled",
            [_package("torch", "2.14.0", "a", wheel="cp312-cp312-manylinux_2_28_aarch64")],
            "has torch 2.14.0 for cp312 on manylinux_2_28_aarch64; expected a wheel for CPython 3.12 on x86_64",
        ),
        ("cuda", _TORCH_AND_RUNTIME, "nvidia-cuda-runtime 13.4.96 and no nvidia-cuda-cccl; expected both of CUDA 13.4"),
    ],
    ids=[
        "no torch",
        "a CPU torch",
        "two torches",
        "a wheel without a hash",
        "no wheel for the CPython",
        "no wheel for the CPU",
        "a CUDA release whose headers are not pinned here",
    ],
)
def test_a_lock_that_does_not_serve(tmp_path: Path, capsys, part: str, packages: list[str], expected: str) -> None:
    assert expected in _fails(capsys, part, _lock(tmp_path, *packages))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("uv.lock", "version = 1\n[[package", "uv.lock is not TOML ("),
        ("uv.lock", "version = 9\n", "uv.lock has the format 9; expected 1: export a pylock.toml"),
        ("uv.lock", "", "uv.lock has the format None; expected 1"),
        (
            "uv.lock",
            "version = 1\n[[package]]\nname = 'torch'\n",
            "uv.lock is not as uv writes it ('version' is missing",
        ),
        ("uv.lock", "version = 1\npackage = 3\n", "uv.lock is not as uv writes it ("),
        ("pylock.cpu.toml", "lock-version = '1.0'\n", "pylock.cpu.toml is not a lock as PEP 751 says ("),
        ("pylock.toml", "lock-version = '1.0'\ncreated-by = 'x'\npackages = []\n", "pylock.toml has no torch"),
        ("requirements.txt", "packaging==26.3 --hash=sha256:" + "0" * 64, "requirements.txt has no torch"),
    ],
)
def test_a_file_that_is_no_lock(tmp_path: Path, capsys, name: str, text: str, expected: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert expected in _fails(capsys, "cpu", tmp_path / name)
