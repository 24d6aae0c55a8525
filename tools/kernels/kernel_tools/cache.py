"""Reads DeepJIT's kernel cache: `<root>/cache/<tag>.<key>/` with kernel.cu, kernel.cubin, meta.json and .committed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wheel_tools.errors import WheelError

from kernel_tools.lists import ARCHITECTURES, Kernel


@dataclass(frozen=True)
class Entry:
    """One compiled kernel, with the inputs of its key."""

    directory: Path
    kernel: Kernel
    # The output of `nvcc --version`.
    compiler: str

    @property
    def key(self) -> str:
        """The 32 hexadecimal digits that DeepJIT computed."""
        return self.directory.name.partition(".")[2]


def entries(root: Path) -> Iterator[Entry]:
    """Yields the finished entries, sorted by name. root: the value of DG_JIT_CACHE_DIR, or `~/.dj` without it."""
    directory = root / "cache"
    if not directory.is_dir():
        raise WheelError(
            str(root),
            found="no directory cache in it",
            expected="a kernel cache of DeepGEMM 2.8",
            fix="pass the value of DG_JIT_CACHE_DIR, or ~/.dj if the variable was not set",
        )
    for path in sorted(directory.iterdir()):
        if (path / ".committed").exists():
            yield _entry(path)


def _entry(path: Path) -> Entry:
    try:
        meta = json.loads((path / "meta.json").read_text(encoding="utf-8"))
        flags = _flags(meta["command"])
        compiler = meta["compiler_info"]["version"]
        source = (path / "kernel.cu").read_text(encoding="utf-8")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise WheelError(
            str(path),
            found=f"{type(error).__name__}: {error}",
            expected="kernel.cu, and meta.json with command and compiler_info",
            fix="remove the entry, and let DeepGEMM compile it again",
        ) from None
    kernel = Kernel(path.name.partition(".")[0], flags, source)
    if kernel.arch not in ARCHITECTURES:
        raise WheelError(
            str(path),
            found=f"architecture {kernel.arch}",
            expected="one of " + ", ".join(ARCHITECTURES),
            fix="remove the entry",
        )
    return Entry(path, kernel, compiler)


def _flags(command: str) -> str:
    """Returns nvcc's flags in DeepJIT's command: the words between the output file and the include directories."""
    words = shlex.split(command)
    begin = words.index("--output-file") + 2
    end = words.index("--include-path", begin) if "--include-path" in words[begin:] else len(words)
    return " ".join(words[begin:end])
