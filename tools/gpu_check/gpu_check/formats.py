"""float8 e4m3fn, decoded without any library, so that the reference shares nothing with what it checks."""

from __future__ import annotations

E4M3_NAN = 0x7F


def decode_e4m3(byte: int) -> float:
    """The number that a float8_e4m3fn byte stands for (sign, 4 bits of exponent with bias 7, 3 of fraction)."""
    sign = -1.0 if byte & 0x80 else 1.0
    exponent, fraction = (byte >> 3) & 0xF, byte & 0x7
    if byte & 0x7F == E4M3_NAN:
        return float("nan")
    if exponent == 0:
        return sign * fraction * 2.0**-9
    return sign * (8 + fraction) * 2.0 ** (exponent - 10)


def e4m3_table() -> list[float]:
    """All 256 of them."""
    return [decode_e4m3(byte) for byte in range(256)]
