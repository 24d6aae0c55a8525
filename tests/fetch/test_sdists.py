"""Published sdists of every kind of build backend. The test installs no backend and runs no code of an sdist."""

from __future__ import annotations

from pathlib import Path

import pip
import pytest

from bazel.fetch import pip_fetch

# Name and version, SHA-256, and a file that the sdist has.
_SDISTS = {
    "setup.py alone": (
        "sortedcontainers==2.4.0",
        "25caa5a06cc30b6b83d11423433f65d1f9d76c4c6a0c90e3379eaa43b9bfdb88",
        "setup.py",
    ),
    "setuptools": (
        "pytest-timeout==2.4.0",
        "7e68e90b01f9eff71332b25001f85c75495fc4e3a836701876183c4bcfd0540a",
        "pytest_timeout.py",
    ),
    "flit_core": (
        "packaging==24.2",
        "c228a6dc5e932d346bc5739379109d49e8853dd8223571c7c5b55260edc0b97f",
        "src/packaging/tags.py",
    ),
    "hatchling": (
        "iniconfig==2.1.0",
        "3abbd2e30b36733fee78f9c7f7308f2d0050e88f0087fd25c2645f63c773e1c7",
        "src/iniconfig/__init__.py",
    ),
    "scikit-build-core": (
        "nanobind==2.4.0",
        "a0392dee5f58881085b2ac8bfe8e53f74285aa4868b1472bfaf76cfb414e1c96",
        "CMakeLists.txt",
    ),
    "meson-python": (
        "siphash24==1.7",
        "6e90fee5f199ea25b4e7303646b31872a437174fe885a93dbd4cf7784eb48164",
        "meson.build",
    ),
    "poetry-core": (
        "tomlkit==0.13.2",
        "fff5fe59a87295b278abd31bec92c15d9bc4a06885ab12bcea52c71119392e79",
        "tomlkit/api.py",
    ),
    "maturin": (
        "rpds-py==0.24.0",
        "772cc1b2cd963e7e17e6cc55fe0371fb9c704d63e44cacec7b9b7f523b78919e",
        "Cargo.toml",
    ),
    "setup.py that imports torch": (
        "torch-scatter==2.1.2",
        "69b3aa435f2424ac6a1bfb6ff702da6eb73b33ca0db38fb26989c74159258e47",
        "csrc/scatter.cpp",
    ),
    "in-tree backend, at the top": (
        "flit_core==3.12.0",
        "18f63100d6f94385c6ed57a72073443e1a71a4acb4339491615d0f16d6ff01b2",
        "flit_core/buildapi.py",
    ),
    "in-tree backend, in src": (
        "poetry-core==2.1.3",
        "0522a015477ed622c89aad56a477a57813cace0c8e7ff2a2906b7ef4a2e296a4",
        "src/poetry/core/masonry/api.py",
    ),
}


@pytest.mark.parametrize("kind", _SDISTS)
def test_published_sdist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, kind: str) -> None:
    pin, digest, file = _SDISTS[kind]
    # The pip that is pinned for these tests; the interpreter that runs them may have none.
    monkeypatch.setenv("PYTHONPATH", str(Path(pip.__file__).parents[1]))
    monkeypatch.setenv("RULES_DEEPGEMM_WHEEL_CACHE", "")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"{pin} --hash=sha256:{digest}\n", encoding="utf-8")
    arguments = ["sdist", "--requirements", str(requirements), "--out", str(tmp_path / "src")]
    assert pip_fetch.main(arguments) == 0, capsys.readouterr().err
    assert (tmp_path / "src" / file).is_file()
    assert (tmp_path / "src" / "PKG-INFO").is_file()
