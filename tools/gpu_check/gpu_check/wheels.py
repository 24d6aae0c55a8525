"""Reads wheels, and unpacks DeepGEMM of each into a directory of its own."""

from __future__ import annotations

import compileall
import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from wheel_tools.import_aliases import CompiledNames, alias_code, module_names

from .errors import CheckError

FLAT = "deep_gemm"
BUNDLED = "vllm.third_party.deep_gemm"


@dataclass(frozen=True)
class Wheel:
    """A wheel with DeepGEMM: deep_gemm's own, or vLLM's."""

    label: str
    path: Path
    module: str
    torch_pin: str | None


@dataclass(frozen=True)
class Subject:
    """An unpacked wheel: the directory in which Python finds its module."""

    label: str
    module: str
    root: Path

    @property
    def package(self) -> Path:
        return self.root / self.module.replace(".", "/")


def read_wheel(argument: str, label: str | None = None) -> Wheel:
    """Reads a wheel, or fails if it cannot be checked here."""
    path = Path(argument)
    if not path.is_file():
        raise CheckError(f"{argument}: found no such file; expected a built wheel; give the path of a .whl file")
    if not zipfile.is_zipfile(path):
        raise CheckError(f"{argument}: found a file that is no zip archive; expected a wheel; build it again")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        metadata = [
            archive.read(name).decode("utf-8", "replace") for name in names if name.endswith(".dist-info/METADATA")
        ]
    module = next((m for m in (FLAT, BUNDLED) if m.replace(".", "/") + "/__init__.py" in names), None)
    if module is None:
        raise CheckError(
            f"{path.name}: found neither deep_gemm/ nor vllm/third_party/deep_gemm/; "
            "expected a wheel with DeepGEMM in it; give a deep_gemm wheel, or a vLLM wheel that bundles it"
        )
    prefix, tag = module.replace(".", "/") + "/", f"cpython-{sys.version_info.major}{sys.version_info.minor}-"
    extensions = sorted(n[len(prefix) :] for n in names if n.startswith(prefix + "_C.") and n.endswith(".so"))
    if not any(tag in name or ".abi3." in name for name in extensions):
        raise CheckError(
            f"{path.name}: found {', '.join(extensions) or 'no _C'}; expected _C.{tag}*.so, for the Python that runs "
            "this; use a wheel for this Python, or run this with a Python that the wheel is for"
        )
    pin = re.search(r"^Requires-Dist: torch\s*\(?\s*==\s*([^\s;,)]+)\)?\s*$", "\n".join(metadata), re.MULTILINE)
    return Wheel(label or " ".join(path.name.split("-")[:2]), path.resolve(), module, pin and pin[1])


def check_torch(wheel: Wheel, version: str) -> None:
    """Fails unless `version` is the torch that the wheel was compiled against; it runs on no other."""
    if wheel.torch_pin not in (None, version, version.partition("+")[0]):
        raise CheckError(
            f"{wheel.path.name}: found a wheel for torch {wheel.torch_pin}; expected one for torch {version}, which is "
            "installed here; build it against this torch, or run this where that torch is"
        )


def unpack(wheel: Wheel, root: Path, module: str | None = None) -> Subject:
    """Unpacks DeepGEMM, and nothing else of the wheel.

    Args:
        wheel: The wheel.
        root: A directory that does not exist.
        module: The module as which to unpack it (default: the wheel's). A package that is moved gets the code that
            `vllm_wheel` adds: aliases for the absolute names that its compiled code imports. Packages above it are
            empty, so that importing DeepGEMM imports nothing more.
    """
    subject = Subject(wheel.label, module or wheel.module, root)
    moved = subject.module != wheel.module
    if moved:
        subject = Subject(f"{wheel.label} as {module}", subject.module, root)
    prefix = wheel.module.replace(".", "/") + "/"
    with zipfile.ZipFile(wheel.path) as archive:
        members = {m.filename[len(prefix) :]: m for m in archive.infolist() if m.filename.startswith(prefix)}
        compiled = CompiledNames(FLAT, module_names(members))
        for path, member in members.items():
            member.filename = path or "./"
            archive.extract(member, subject.package)
            if path.endswith(".so"):
                compiled.feed((subject.package / path).read_bytes())
    for parent in subject.package.relative_to(root).parents[:-1]:
        (root / parent / "__init__.py").touch()
    if moved and compiled.found:
        with (subject.package / "__init__.py").open("ab") as file:
            file.write(alias_code(FLAT, compiled.found))
    # pip compiles bytecode at installation, too.
    compileall.compile_dir(str(root), quiet=2)
    return subject
