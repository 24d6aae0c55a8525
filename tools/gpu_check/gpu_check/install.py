"""Reads wheels, and installs each into a directory of its own."""

from __future__ import annotations

import compileall
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

from wheel_tools.import_aliases import CompiledNames, alias_code, module_names

from .errors import CheckError, one_line

FLAT = "deep_gemm"
BUNDLED = "vllm.third_party.deep_gemm"


@dataclass(frozen=True)
class Wheel:
    """A wheel with DeepGEMM: deep_gemm's own, or vLLM's."""

    label: str
    path: Path
    module: str
    torch_pin: str | None

    @property
    def prefix(self) -> str:
        return self.module.replace(".", "/") + "/"


@dataclass(frozen=True)
class Subject:
    """An installed wheel."""

    label: str
    module: str
    root: Path
    cache: Path
    # The second layout of a wheel: only checked, on a few cases, and not timed.
    partial: bool = False


def read_wheel(argument: str, label: str | None = None) -> Wheel:
    """Reads a wheel, or fails where it cannot be checked here; nothing is started yet."""
    path = Path(argument)
    if not path.is_file():
        raise CheckError(argument, found="no such file", expected="a built wheel", fix="give the path of a .whl file")
    if not zipfile.is_zipfile(path):
        raise CheckError(argument, found="a file that is no zip archive", expected="a wheel", fix="build it again")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        module = next((m for m in (FLAT, BUNDLED) if m.replace(".", "/") + "/__init__.py" in names), None)
        if module is None:
            raise CheckError(
                path.name,
                found="neither deep_gemm/ nor vllm/third_party/deep_gemm/",
                expected="a wheel with DeepGEMM in it",
                fix="give a deep_gemm wheel, or a vLLM wheel that bundles it",
            )
        metadata = next((n for n in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)), None)
        text = archive.read(metadata).decode("utf-8", "replace") if metadata else ""
    prefix = module.replace(".", "/") + "/_C."
    tag = f"cpython-{sys.version_info.major}{sys.version_info.minor}"
    extensions = sorted(n[len(prefix) - 3 :] for n in names if n.startswith(prefix) and n.endswith(".so"))
    if not any(tag in name or ".abi3." in name for name in extensions):
        raise CheckError(
            path.name,
            found=", ".join(extensions) or "no _C",
            expected=f"_C.{tag}-*.so, for the Python that runs this",
            fix="use a wheel for this Python, or run this with a Python that the wheel is for",
        )
    return Wheel(label or _label(path), path.resolve(), module, _torch_pin(text))


def _label(path: Path) -> str:
    parts = path.name.split("-")
    return " ".join(parts[:2])


def _torch_pin(metadata: str) -> str | None:
    for requirement in HeaderParser().parsestr(metadata).get_all("Requires-Dist", []):
        found = re.match(r"torch\s*\(?\s*==\s*([^\s;,)]+)\)?\s*$", requirement)
        if found:
            return found[1]
    return None


def check_torch(wheel: Wheel, version: str) -> None:
    """Fails unless `version` is the torch that the wheel was compiled against; it runs on no other."""
    if wheel.torch_pin not in (None, version, version.partition("+")[0]):
        raise CheckError(
            wheel.path.name,
            found=f"a wheel for torch {wheel.torch_pin}",
            expected=f"one for torch {version}, which is installed here",
            fix="build it against this torch, or run this where that torch is",
        )


def install(wheel: Wheel, root: Path, cache: Path) -> Subject:
    """Installs a deep_gemm wheel with pip, or unpacks only DeepGEMM from a vLLM wheel."""
    if wheel.module == BUNDLED:
        return bundle(wheel, root, cache)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-cache-dir"]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "--target", str(root), str(wheel.path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CheckError(
            wheel.path.name,
            found=one_line(f"pip: {done.stderr.strip() or done.stdout.strip()}"),
            expected="a wheel that pip installs here",
            fix="look at its tags and its Requires-Python",
        )
    return Subject(wheel.label, FLAT, root, cache)


def bundle(wheel: Wheel, root: Path, cache: Path) -> Subject:
    """Installs DeepGEMM in the layout of vLLM's wheel: under vllm/third_party, and nowhere else.

    A package that is moved there gets the code that `vllm_wheel` adds: aliases for the absolute names that its compiled
    code imports. vllm and vllm.third_party are empty packages, so that importing DeepGEMM imports nothing more.
    """
    parent = root / "vllm" / "third_party"
    parent.mkdir(parents=True)
    for package in (parent, parent.parent):
        (package / "__init__.py").touch()
    moved = wheel.module != BUNDLED
    with zipfile.ZipFile(wheel.path) as archive:
        paths = [
            name[len(wheel.prefix) :]
            for name in archive.namelist()
            if name.startswith(wheel.prefix) and not name.endswith("/") and ".." not in name.split("/")
        ]
        compiled = CompiledNames(FLAT, module_names(paths))
        for path in paths:
            data = archive.read(wheel.prefix + path)
            target = parent / FLAT / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            if path.endswith(".so"):
                compiled.feed(data)
    if moved and compiled.found:
        with (parent / FLAT / "__init__.py").open("ab") as file:
            file.write(alias_code(FLAT, compiled.found))
    # pip compiles bytecode at installation, too.
    compileall.compile_dir(str(root), quiet=2)
    label = f"{wheel.label} in vllm/third_party" if moved else wheel.label
    return Subject(label, BUNDLED, root, cache, partial=moved)
