"""Decodes float8 e4m3fn without a library, so that the reference shares no code with the kernels."""

from __future__ import annotations

E4M3_NAN = 0x7F


def decode_e4m3(byte: int) -> float:
    """Returns the value of a float8_e4m3fn byte: sign, 4 bits of exponent with bias 7, 3 bits of fraction."""
    sign = -1.0 if byte & 0x80 else 1.0
    exponent, fraction = (byte >> 3) & 0xF, byte & 0x7
    if byte & 0x7F == E4M3_NAN:
        return float("nan")
    if exponent == 0:
        return sign * fraction * 2.0**-9
    return sign * (8 + fraction) * 2.0 ** (exponent - 10)


def e4m3_table() -> list[float]:
    """Returns the values of all 256 bytes."""
    return [decode_e4m3(byte) for byte in range(256)]
