"""Reads and writes lists of kernels, files of JSON Lines.

Each kernel is one line with the texts `tag` (DeepGEMM's name for the kernel), `flags` (nvcc's, joined by blanks, as in
DeepGEMM's key) and `source`. Optionally it has `call`, an example of a product that needs the kernel. The first line
may instead have `deepgemm` (the version that wrote the sources) and `num_sms`. `tools/kernels` writes such a line;
reports of missing kernels (DG_JIT_AOT_REPORT) do not have it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wheel_tools.errors import WheelError

_TAG = re.compile(r"\w+", re.ASCII)
_ARCH = re.compile(r"--gpu-architecture=(sm_\w+)")
# The architectures that DeepGEMM 2.8.2 compiles for: Hopper; for Blackwell, the families (f) and the exact chips (a).
ARCHITECTURES = ("sm_90a", "sm_100a", "sm_100f", "sm_103a", "sm_103f")


@dataclass(frozen=True, order=True)
class Kernel:
    """One kernel. Equality ignores the example of a call."""

    tag: str
    flags: str
    source: str
    call: dict[str, Any] | None = field(default=None, compare=False, hash=False)

    @property
    def arch(self) -> str:
        """The architecture in the flags, such as `sm_90a`, or `none`."""
        found = _ARCH.search(self.flags)
        return found[1] if found else "none"

    def line(self) -> str:
        """Returns the kernel as a line of a list."""
        values: dict[str, Any] = {"tag": self.tag, "flags": self.flags, "source": self.source}
        return json.dumps(values if self.call is None else {**values, "call": self.call})


@dataclass
class KernelList:
    """Kernels, and the DeepGEMM version and number of SMs that they are for: None in a report of missing kernels."""

    kernels: list[Kernel]
    deepgemm: str | None = None
    num_sms: int | None = None

    def write(self, path: Path) -> None:
        """Writes the list: sorted, each kernel once."""
        lines = [json.dumps({"deepgemm": self.deepgemm, "num_sms": self.num_sms})] if self.deepgemm else []
        lines += [kernel.line() for kernel in unique(self.kernels)]
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def unique(kernels: Iterable[Kernel]) -> list[Kernel]:
    """Returns the kernels sorted and each once. Of equal kernels, keeps one that has an example of a call."""
    found: dict[Kernel, Kernel] = {}
    for kernel in kernels:
        if kernel not in found or found[kernel].call is None:
            found.pop(kernel, None)
            found[kernel] = kernel
    return sorted(found)


def read(path: Path) -> KernelList:
    """Reads a list. Raises WheelError with the number of the first line that is not a kernel."""
    result = KernelList([])
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, 0, f"{error}") from None
    for number, line in enumerate(lines, 1):
        try:
            values = json.loads(line)
        except ValueError:
            raise _bad(path, number, "no JSON") from None
        if isinstance(values, dict) and isinstance(values.get("deepgemm"), str) and number == 1:
            result.deepgemm, result.num_sms = values["deepgemm"], values.get("num_sms")
        else:
            result.kernels.append(_kernel(path, number, values))
    return result


def _kernel(path: Path, number: int, values: Any) -> Kernel:
    if not isinstance(values, dict) or not all(
        isinstance(values.get(name), str) for name in ("tag", "flags", "source")
    ):
        raise _bad(path, number, "a line without the texts tag, flags and source")
    if not _TAG.fullmatch(values["tag"]):
        raise _bad(path, number, f"the tag {values['tag']!r}")
    kernel = Kernel(values["tag"], values["flags"], values["source"], values.get("call"))
    if kernel.arch not in ARCHITECTURES:
        raise WheelError(
            f"{path}:{number}",
            found=f"architecture {kernel.arch}",
            expected="one of " + ", ".join(ARCHITECTURES),
            fix="record the kernel again with this DeepGEMM",
        )
    return kernel


def _bad(path: Path, number: int, found: str) -> WheelError:
    where = f"{path}:{number}" if number else str(path)
    return WheelError(where, found=found, expected="a list of kernels", fix="write it with tools/kernels record")
