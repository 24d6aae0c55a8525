"""Packs compiled kernels into one file, `aot/kernels.lz`, and unpacks them.

Kernels of a model share much of their code. The pack is LZ77 over all kernels, without an entropy code, which the
wheel's own compression adds. DeepGEMM unpacks it at run time (bazel/kernels/overlay). Its numbers have four bytes, the
lowest first:

    the length of the operations
    operations, each of three numbers: literals to append, bytes to copy, distance of the copy, at least its length
    literals; those that remain after the last operation end the data

The data have for each kernel a line `<tag>.<key> <length>`, then its cubin.
"""

from __future__ import annotations

import struct

# A copy starts where this many bytes were seen before: one and a half instructions.
_SEEN = 24
# More data are no pack but an attack: 5,000 kernels.
_LIMIT = 1 << 28


def pack(kernels: dict[str, bytes]) -> bytes:
    """Returns the pack of the cubins, by `<tag>.<key>`. The same kernels give the same bytes everywhere."""
    data = b"".join(b"%s %d\n%s" % (name.encode(), len(kernels[name]), kernels[name]) for name in sorted(kernels))
    seen: dict[bytes, int] = {}
    operations, literals = bytearray(), bytearray()
    start = at = 0
    while at + _SEEN <= len(data):
        source = seen.setdefault(data[at : at + _SEEN], at)
        if source == at:
            at += 1
            continue
        length = _common(data, source, at)
        operations += struct.pack("<III", at - start, length, at - source)
        literals += data[start:at]
        start = at = at + length
    return struct.pack("<I", len(operations)) + bytes(operations + literals + data[start:])


def unpack(packed: bytes) -> dict[str, bytes]:
    """Returns the cubins of a pack, by `<tag>.<key>`. Raises ValueError if it is not a whole pack."""
    data, kernels = bytearray(), {}
    try:
        at = 4 + struct.unpack_from("<I", packed)[0]
        for count, length, distance in struct.iter_unpack("<III", packed[4:at]):
            data += packed[at : at + count]
            at += count
            begin = len(data) - distance
            if begin < 0 or len(data) > _LIMIT:
                raise ValueError(f"found a copy from {distance} bytes before byte {len(data)}")
            data += data[begin : begin + length]
        data += packed[at:]
        at = 0
        while at < len(data):
            line = data.index(b"\n", at)
            name, _, size = data[at:line].decode().partition(" ")
            at = line + 1 + int(size)
            kernels[name] = bytes(data[line + 1 : at])
    except struct.error as error:
        raise ValueError(f"{error}") from None
    if at != len(data):
        raise ValueError(f"found {len(data)} bytes, expected {at}")
    return kernels


def _common(data: bytes, left: int, right: int) -> int:
    """Returns how many bytes are equal from `left` and from `right`, without overlap."""
    size, step = 0, 4096
    while step:
        while data[left + size : left + size + step] == data[right + size : right + size + step]:
            size += step
        step >>= 1
    return min(size, right - left)
