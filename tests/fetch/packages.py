"""Small wheels and sdists for the tests, in a directory that pip takes for its package index."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pip
import pytest


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Index:
    """A directory of archives, and requirement files that pin them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.links = root / "links"
        self.links.mkdir()

    def wheel(self, name: str, members: dict[str, str], tag: str = "py3-none-any") -> Path:
        """A wheel of version 1.0 with those files."""
        info = f"{name}-1.0.dist-info"
        files = {
            **members,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
        }
        record = ""
        for member, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{member},sha256={digest},{len(text.encode())}\n"
        files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
        path = self.links / f"{name}-1.0-{tag}.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, text in files.items():
                archive.writestr(member, text)
        return path

    def sdist(self, name: str, members: dict[str, str]) -> Path:
        """An sdist of version 1.0 whose setup.py fails when it is run. A text "-> x" makes a link to x."""
        files = {
            **members,
            "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            "setup.py": "raise SystemExit('setup.py was run')\n",
        }
        path = self.links / f"{name}-1.0.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for member, text in files.items():
                entry = tarfile.TarInfo(f"{name}-1.0/{member}")
                if text.startswith("-> "):
                    entry.type, entry.linkname = tarfile.SYMTYPE, text[3:]
                    archive.addfile(entry)
                    continue
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))
        return path

    def requirements(self, *lines: str) -> Path:
        path = self.root / "requirements.txt"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    def pin(self, *archives: Path) -> Path:
        """A requirement file with the true hash of each archive."""
        return self.requirements(*(f"{path.name.split('-')[0]}==1.0 --hash=sha256:{sha256(path)}" for path in archives))


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every run of pip finds the bytecode of the first: compiling pip takes longer than running it."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def index(tmp_path: Path, bytecode: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """pip sees this directory and nothing else: no network, no settings of the machine."""
    made = Index(tmp_path)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(bytecode))
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    for variable in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(made.links))
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    # The pip that is pinned for these tests; the interpreter that runs them may have none.
    monkeypatch.setenv("PYTHONPATH", str(Path(pip.__file__).parents[1]))
    return made
