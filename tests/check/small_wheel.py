"""A small wheel around real modules, for the tests to break."""

from __future__ import annotations

import base64
import hashlib
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PACKAGE = "tiny/deep_gemm"
DIST_INFO = "tiny-1.0.dist-info"


def tag_of(python: str) -> str:
    return "cp" + python.replace(".", "")


def module(kind: str, python: str) -> bytes:
    """A module that was compiled for this Python: "tiny" (pybind11), "plain" (C), "stable"."""
    return compiled(f"{kind}.{tag_of(python)}.so")


def compiled(wanted: str) -> bytes:
    """A file of TEST_MODULES by its name."""
    for path in map(Path, os.environ["TEST_MODULES"].split()):
        if path.name == wanted:
            return path.read_bytes()
    raise FileNotFoundError(f"{wanted} in TEST_MODULES")


def soabi(python: str) -> str:
    return f"cpython-{tag_of(python)[2:]}-x86_64-linux-gnu"


def path_of(python: str) -> str:
    return f"{PACKAGE}/_C.{soabi(python)}.so"


def record_line(path: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}"


@dataclass
class SmallWheel:
    """Files and metadata of a wheel; write() makes RECORD and the archive."""

    files: dict[str, bytes] = field(default_factory=dict)
    pythons: tuple[str, ...] = PYTHONS
    # None: no such line.
    requires_python: str | None = "<3.15,>=3.11"
    requires_dist: tuple[str, ...] = ("torch==2.14.0",)
    platform: str = "manylinux_2_28_x86_64"
    name_tag: str = ""
    wheel_tags: tuple[str, ...] = ()
    # RECORD's lines, edited after they were made.
    edit_record: list = field(default_factory=list)
    # Members after the others, as they are, under any name.
    extra_members: list[tuple[str, bytes]] = field(default_factory=list)

    @classmethod
    def of_real_modules(cls) -> SmallWheel:
        files = {path_of(python): module("tiny", python) for python in PYTHONS}
        files |= {
            f"{PACKAGE}/__init__.py": b"from . import _C\n",
            f"{PACKAGE}/include/deep_gemm/impls/tiny.cuh": (
                b"#pragma once\n#include <cuda_bf16.h>\n#include <deep_gemm/common/math.cuh>\n"
            ),
            f"{PACKAGE}/include/deep_gemm/common/math.cuh": b'#include "types.cuh"\n#include <cute/tensor.hpp>\n',
            f"{PACKAGE}/include/deep_gemm/common/types.cuh": b"#include <cutlass/cutlass.h>\n",
            f"{PACKAGE}/include/cute/tensor.hpp": b"\n",
            f"{PACKAGE}/include/cutlass/cutlass.h": b"\n",
        }
        return cls(files)

    @property
    def tag(self) -> str:
        pythons = ".".join(map(tag_of, self.pythons))
        return self.name_tag or f"{pythons}-{pythons}-{self.platform}"

    def members(self) -> list[tuple[str, bytes]]:
        python, abi, platform = self.tag.split("-")
        tags = self.wheel_tags or [
            f"{p}-{a}-{x}" for p in python.split(".") for a in abi.split(".") for x in platform.split(".")
        ]
        metadata = [
            "Metadata-Version: 2.4",
            "Name: tiny",
            "Version: 1.0",
            *([] if self.requires_python is None else [f"Requires-Python: {self.requires_python}"]),
            *(f"Requires-Dist: {r}" for r in self.requires_dist),
        ]
        wheel = ["Wheel-Version: 1.0", "Generator: tests", "Root-Is-Purelib: false", *(f"Tag: {t}" for t in tags)]
        members = [
            *self.files.items(),
            (f"{DIST_INFO}/METADATA", "\n".join([*metadata, ""]).encode()),
            (f"{DIST_INFO}/WHEEL", "\n".join([*wheel, ""]).encode()),
        ]
        lines = [record_line(path, data) for path, data in members]
        lines.append(f"{DIST_INFO}/RECORD,,")
        for edit in self.edit_record:
            lines = edit(lines)
        record = "\n".join([*lines, ""]).encode()
        return [*members, (f"{DIST_INFO}/RECORD", record), *self.extra_members]

    def write(self, folder: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
        path = folder / f"tiny-1.0-{self.tag}.whl"
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, data in self.members():
                archive.writestr(name, data)
        return path
