"""Writes small ELF files with the tables that the dynamic loader reads, for any machine."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

# Platform tag's machine → e_machine, class, byte order.
_MACHINES = {
    "x86_64": (62, 64, "<"),
    "aarch64": (183, 64, "<"),
    "i686": (3, 32, "<"),
    "armv7l": (40, 32, "<"),
    "ppc64le": (21, 64, "<"),
    "s390x": (22, 64, ">"),
    "riscv64": (243, 64, "<"),
}
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP, _PT_GNU_PROPERTY, _PT_GNU_STACK = 1, 2, 3, 0x6474E553, 0x6474E551


def make_elf(
    machine: str = "x86_64",
    *,
    needed: Sequence[str] = ("libc.so.6",),
    soname: str = "",
    rpath: str = "",
    runpath: str = "",
    exports: Sequence[str] = (),
    undefined: Sequence[str] = (),
    weak: Sequence[str] = (),
    versions: Mapping[str, Sequence[str]] | None = None,
    alignment: int = 0x10000,
    isa_level: int = 1,
    program: bool = False,
) -> bytes:
    """A shared object. `versions`: library → symbol versions required of it; `alignment`: of PT_LOAD, in bytes."""
    number, bits, order = _MACHINES[machine]
    wide = bits == 64
    strings = bytearray(b"\0")

    def string(text: str) -> int:
        strings.extend(text.encode() + b"\0")
        return len(strings) - len(text.encode()) - 1

    dynamic = [(1, string(name)) for name in needed]
    dynamic += [(tag, string(text)) for tag, text in ((14, soname), (15, rpath), (29, runpath)) if text]
    symbols = bytearray(24 if wide else 16)
    for names, binding, section in ((undefined, 1, 0), (weak, 2, 0), (exports, 1, 1)):
        for name in names:
            fields = (string(name), binding << 4 | 2, 0, section, 0, 0)
            symbols += struct.pack(order + ("IBBHQQ" if wide else "IIIBBH"), *(fields if wide else _narrow(fields)))
    count = len(symbols) // (24 if wide else 16)
    need = bytearray()
    libraries = list((versions or {}).items())
    for index, (library, labels) in enumerate(libraries):
        size = 16 + 16 * len(labels)
        following = size if index + 1 < len(libraries) else 0
        need += struct.pack(order + "2H3I", 1, len(labels), string(library), 16, following)
        for place, label in enumerate(labels):
            need += struct.pack(order + "I2H2I", 0, 0, 2, string(label), 16 if place + 1 < len(labels) else 0)
    property_note = b""
    if isa_level > 1:
        # GNU_PROPERTY_X86_ISA_1_NEEDED: bit 0 is the baseline, bit 2 x86-64-v3.
        item = struct.pack("<IIII", 0xC0008002, 4, (1 << isa_level) - 1, 0)
        property_note = struct.pack("<III4s", 4, len(item), 5, b"GNU\0") + item
    tables = {
        5: bytes(strings),
        6: bytes(symbols),
        4: struct.pack(order + ("3Q" if machine == "s390x" else "3I"), 1, count, 0),
        0x6FFFFFFE: bytes(need),
        0: property_note,
        -1: b"/lib/ld.so\0",
    }
    headers = 64 + 56 * 5 if wide else 52 + 32 * 5
    at, places, body = headers, {}, bytearray()
    for tag, data in tables.items():
        places[tag] = at
        padded = data.ljust((len(data) + 15) // 16 * 16, b"\0")
        body += padded
        at += len(padded)
    dynamic += [(tag, places[tag]) for tag in (4, 5, 6)] + [(10, len(strings))]
    if need:
        dynamic += [(0x6FFFFFFE, places[0x6FFFFFFE]), (0x6FFFFFFF, len(libraries))]
    entries = b"".join(struct.pack(order + ("qQ" if wide else "iI"), *entry) for entry in [*dynamic, (0, 0)])
    end = at + len(entries)
    segments = [
        (_PT_LOAD, 5, 0, end, alignment),
        (_PT_DYNAMIC, 6, at, len(entries), 8),
        (_PT_GNU_STACK, 6, 0, 0, 16),
        (_PT_GNU_PROPERTY if isa_level > 1 else 0, 4, places[0], len(property_note), 8),
        (_PT_INTERP if program else 0, 4, places[-1], 11, 1),
    ]
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    header_size, segment_size = (64, 56) if wide else (52, 32)
    header = ident + struct.pack(
        order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"),
        3, number, 1, 0, header_size, 0, 0x05000400 if machine == "armv7l" else 0,
        header_size, segment_size, len(segments), 0, 0, 0,
    )  # fmt: skip
    table = b"".join(
        struct.pack(order + "IIQQQQQQ", kind, flags, offset, offset, offset, size, size, align)
        if wide
        else struct.pack(order + "IIIIIIII", kind, offset, offset, offset, size, size, flags, align)
        for kind, flags, offset, size, align in segments
    )
    return header + table + bytes(body) + entries


def _narrow(fields: tuple[int, ...]) -> tuple[int, ...]:
    name, info, other, section, value, size = fields
    return name, value, size, info, other, section


def module(name: str, machine: str = "x86_64", *, exports: Sequence[str] = (), **tables) -> bytes:
    """An extension module: it exports PyInit_<name>, and calls a function that every CPython has."""
    undefined = [*tables.pop("undefined", ()), "PyModule_Create2"]
    return make_elf(machine, exports=[*(exports or [f"PyInit_{name}"])], undefined=undefined, **tables)
