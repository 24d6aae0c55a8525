"""Computes the key under which DeepGEMM's JIT (DeepJIT) looks for a compiled kernel. It does not need DeepGEMM.

The functions follow DeepJIT step by step. Names in brackets are files of DeepJIT's `include/deep_jit`.
The rules, `tools/kernels` and `wheel-check` share this file. It needs only the standard library of Python 3.9 or newer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from wheel_tools.errors import WheelError

_MASK = (1 << 64) - 1
# DeepGEMM configures DeepJIT to follow only includes with this prefix (csrc/runtime/jit.hpp).
_PREFIX = b"deep_gemm/"
_BLANKS = b" \t\f\v"


class Fnv1a:
    """DeepJIT's hash: 64-bit FNV-1a in two lanes, with its own start values and second multiplier [utils/hash.hpp]."""

    def __init__(self) -> None:
        self._lanes = (0xC6A4A7935BD1E995, 0xFF51AFD7ED558CCD)

    def update(self, data: bytes) -> Fnv1a:
        """Adds the length of `data` in 8 little-endian bytes, then `data`."""
        first, second = self._lanes
        for byte in len(data).to_bytes(8, "little") + data:
            first = (first ^ byte) * 0x100000001B3 & _MASK
            second = (second ^ byte) * 0x9E3779B97F4A7C15 & _MASK
        self._lanes = (first, second)
        return self

    def hexdigest(self) -> str:
        """Returns 32 hexadecimal digits: both lanes after SplitMix64's finalizer."""
        return "".join(f"{_split_mix(lane):016x}" for lane in self._lanes)


def _split_mix(value: int) -> int:
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & _MASK
    return value ^ value >> 31


class Headers:
    """The headers below one include directory, each hashed once [utils/parser.hpp]."""

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        """read: maps a header's path, such as `deep_gemm/common/types.cuh`, to its bytes, or None if there is none."""
        self._read_or_none = read
        self._digests: dict[bytes, str] = {}
        self._visiting: set[bytes] = set()

    @classmethod
    def below(cls, include: Path) -> Headers:
        """Returns the headers of an include directory."""
        return cls(lambda path: (include / path).read_bytes() if (include / path).is_file() else None)

    def signature(self) -> bytes:
        """Returns the signature that DeepGEMM adds to each key, such as `cutlass-421`, read from cutlass/version.h."""
        path = "cutlass/version.h"
        text = self._read(path).decode("utf-8", "replace")
        numbers = [re.search(rf"^#define CUTLASS_{part} (\d+)\s*$", text, re.M) for part in ("MAJOR", "MINOR", "PATCH")]
        if not all(numbers):
            raise WheelError(
                path,
                found="no CUTLASS_MAJOR, CUTLASS_MINOR and CUTLASS_PATCH",
                expected="CUTLASS's version.h",
                fix="use the headers of a DeepGEMM package",
            )
        major, minor, patch = (int(number[1]) for number in numbers if number)
        return b"cutlass-%d" % (major * 100 + minor * 10 + patch)

    def digest(self, source: bytes) -> str:
        """Returns the hash of the source and, recursively, of every `<deep_gemm/…>` header that it includes."""
        fnv = Fnv1a().update(source)
        for line in source.split(b"\n"):
            name = _included(line)
            if name:
                fnv.update(self._header(name).encode())
        return fnv.hexdigest()

    def _header(self, name: bytes) -> str:
        if name not in self._digests:
            if name in self._visiting:
                raise WheelError(
                    name.decode(errors="replace"),
                    found="a header that includes itself",
                    expected="no cycle, which DeepJIT rejects",
                    fix="remove the cycle",
                )
            self._visiting.add(name)
            try:
                self._digests[name] = self.digest(self._read(name.decode("utf-8", "replace")))
            finally:
                self._visiting.discard(name)
        return self._digests[name]

    def _read(self, path: str) -> bytes:
        data = self._read_or_none(path)
        if data is None:
            raise WheelError(
                path,
                found="no such header",
                expected="every header of DeepGEMM that the kernel includes, since its key covers them",
                fix="use the kernel with the DeepGEMM that wrote it",
            )
        return data


def _included(line: bytes) -> bytes:
    """Returns the name of the DeepGEMM header that this line includes, or nothing."""
    line = line.lstrip(_BLANKS)
    if not line.startswith(b"#"):
        return b""
    line = line[1:].lstrip(_BLANKS)
    if not line.startswith(b"include"):
        return b""
    line = line[len(b"include") :].lstrip(_BLANKS)
    if line[:1] not in (b"<", b'"'):
        return b""
    closing = re.compile(rb'[>"]').search(line, 1)
    if not closing:
        return b""
    name = line[1 : closing.start()]
    if line[:1] != b"<" or closing[0] != b">" or not name or name.strip(_BLANKS) != name:
        raise WheelError(
            line.decode(errors="replace"),
            found="an include in quotes or with blanks",
            expected="#include <…>, the only form that DeepJIT accepts",
            fix="rewrite the include",
        )
    return name if name.startswith(_PREFIX) else b""


def kernel_key(headers: Headers, compiler: bytes, flags: str, source: bytes) -> str:
    """Returns the key of a kernel, 32 hexadecimal digits [runtime/runtime.hpp].

    compiler: the output of `nvcc --version`, stdout and stderr.
    flags: nvcc's options joined by blanks, as DeepJIT passes them [backend/cuda/options.hpp]; no include directories.
    """
    return (
        Fnv1a()
        .update(headers.signature())
        .update(Fnv1a().update(compiler).hexdigest().encode())
        .update(flags.encode())
        # The post hook, which DeepGEMM does not use.
        .update(b"")
        .update(headers.digest(source).encode())
        .hexdigest()
    )
