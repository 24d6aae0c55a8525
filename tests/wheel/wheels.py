"""Small real wheels for the tests, made with the standard library."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

PYTHONS = ("311", "312")


def library(body: bytes = b"") -> bytes:
    """Stands for a shared library: the overlay reads names in it, and never loads it."""
    return b"\x7fELF" + bytes(60) + body


def extensions(package: str, pythons: tuple[str, ...] = PYTHONS, body: bytes = b"") -> dict[str, bytes]:
    """`_C` for each of the Pythons."""
    return {f"{package}/_C.cpython-{python}-x86_64-linux-gnu.so": library(body) for python in pythons}


def record_line(path: str, data: bytes, algorithm: str = "sha256") -> str:
    digest = base64.urlsafe_b64encode(hashlib.new(algorithm, data).digest()).rstrip(b"=").decode()
    return f"{path},{algorithm}={digest},{len(data)}"


def make_wheel(
    directory: Path,
    name: str,
    files: dict[str, bytes],
    *,
    metadata: str = "",
    metadata_version: str = "2.4",
    licenses: dict[str, bytes] | None = None,
    tags: list[str] | None = None,
    record: str | None = None,
    dist_info_extra: dict[str, bytes] | None = None,
) -> Path:
    """Writes a wheel of this file name; `record` takes the place of a right RECORD, "" leaves it out."""
    distribution, version = name.split("-")[:2]
    dist_info = f"{distribution}-{version}.dist-info"
    licenses = licenses or {}
    headers = [f"Metadata-Version: {metadata_version}", f"Name: {distribution}", f"Version: {version}"]
    headers += [f"License-File: {path}" for path in licenses]
    wheel = ["Wheel-Version: 1.0", "Generator: test", "Root-Is-Purelib: false"]
    wheel += [f"Tag: {tag}" for tag in tags or ["cp38-abi3-linux_x86_64"]]
    members = {
        **files,
        **{f"{dist_info}/licenses/{path}": data for path, data in licenses.items()},
        **{f"{dist_info}/{path}": data for path, data in (dist_info_extra or {}).items()},
        f"{dist_info}/METADATA": ("\n".join(headers) + "\n" + metadata + "\nA description.\n").encode(),
        f"{dist_info}/WHEEL": ("\n".join(wheel) + "\n").encode(),
    }
    if record is None:
        lines = [record_line(path, data) for path, data in members.items()]
        record = "\n".join([*lines, f"{dist_info}/RECORD,,", ""])
    if record:
        members[f"{dist_info}/RECORD"] = record.encode()
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            info = zipfile.ZipInfo(member, (2026, 11, 1, 9, 25, 6))
            info.external_attr = (0o100755 if member.endswith(".so") else 0o100644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return path


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


BASE_NAME = "app-1.0-cp38-abi3-manylinux_2_28_x86_64.whl"
OVERLAY_NAME = "ops-2.8.2-cp311.cp312-cp311.cp312-manylinux_2_28_x86_64.whl"


def base_wheel(
    directory: Path,
    name: str = BASE_NAME,
    *,
    files: dict[str, bytes] | None = None,
    requires_python: str = "<3.13,>=3.11",
    requires: str = "torch==2.14.0",
    **kwargs,
) -> Path:
    """An application that bundles an old `ops` under app/third_party."""
    if files is None:
        files = {
            "app/__init__.py": b"",
            "app/third_party/__init__.py": b"",
            "app/third_party/ops/__init__.py": b"OLD = True\n",
            "app/third_party/ops/_C_extension.abi3.so": library(),
            "app/third_party/ops/include/old.cuh": b"// old\n",
            "app/third_party/ops_other.py": b"# not part of ops\n",
        }
    metadata = f"Requires-Python: {requires_python}\n" if requires_python else ""
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    return make_wheel(directory, name, files, metadata=metadata, **{"licenses": {"LICENSE": b"Apache"}, **kwargs})


def overlay_wheel(
    directory: Path,
    name: str = OVERLAY_NAME,
    *,
    files: dict[str, bytes] | None = None,
    pythons: tuple[str, ...] = PYTHONS,
    body: bytes = b"",
    requires: str = "torch==2.14.0",
    **kwargs,
) -> Path:
    """The new `ops`, on its own."""
    if files is None:
        files = {
            "ops/__init__.py": b"from . import utils\nVERSION = '2.8.2'\n",
            "ops/include/ops/new.cuh": b"// new\n",
            "ops/utils/__init__.py": b"",
            "ops/utils/late.py": b"LOADED = True\n",
            **extensions("ops", pythons, body),
        }
    metadata = f"Requires-Dist: {requires}\n" if requires else ""
    return make_wheel(directory, name, files, metadata=metadata, **{"licenses": {"LICENSE": b"MIT"}, **kwargs})
