"""The cases: shapes, operand types, routes, and the tolerances of right results."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

# DeepGEMM's scales cover 128 elements along K, and 128x128 blocks of the second operand.
BLOCK = 128


@dataclass(frozen=True)
class Tolerance:
    """Limits on one output.

    relative: of ||out - ref|| / ||ref||.
    ulp, typical: |out - ref| of one element stays under ulp * |ref| + typical * t, where t = |a| |b| / sqrt(K) is
        the size that this element's sum of K products typically has. The norm does not show one wrong element
        among millions; the second term is what an accumulator of limited precision may lose where products cancel.
    """

    relative: float
    ulp: float
    typical: float


# bf16 keeps 8 significant bits: rounding a right sum costs at most 2**-8 of it, and 1.7e-3 in the norm. Hopper's tensor
# cores add fp8 products with about 14 bits before DeepGEMM promotes the sum of every 128 of them to float32.
TOLERANCES = {
    ("bf16", "bf16"): Tolerance(relative=3e-3, ulp=2**-8, typical=2e-3),
    ("bf16", "f32"): Tolerance(relative=1e-5, ulp=2**-20, typical=1e-4),
    ("fp8", "bf16"): Tolerance(relative=3e-3, ulp=2**-8, typical=3e-2),
}


@dataclass(frozen=True)
class Case:
    """One product to compute.

    kind: dense, contiguous (m-grouped, all groups in one matrix) or masked (m-grouped, one matrix a group).
    m: rows; of each group on average (contiguous) or at most (masked).
    groups: 0 for dense.
    route: "kernel" makes DeepGEMM's own kernel do a bf16 product that it would pass to cuBLASLt ("default").
    layout: which operands are K-major, in BLAS's letters.
    accumulate: adds a matrix to the product.
    use: "" only checked; "host": also timed for what a call costs the host; "rate": also timed for TFLOP/s.
    """

    kind: str
    dtype: str
    m: int
    n: int
    k: int
    groups: int = 0
    out: str = "bf16"
    route: str = "kernel"
    layout: str = "nt"
    accumulate: bool = False
    use: str = ""

    @property
    def name(self) -> str:
        shape = f"{self.m}x{self.n}x{self.k}"
        words = [self.dtype, self.kind, f"{self.groups}x({shape})" if self.groups else shape]
        if self.layout != "nt":
            words.append(self.layout)
        if self.accumulate:
            words.append("+C")
        if self.out != "bf16":
            words.append(self.out)
        if self.route != "kernel":
            words.append(f"({self.route} route)")
        return " ".join(words)

    @property
    def tolerance(self) -> Tolerance:
        return TOLERANCES[self.dtype, self.out]

    def seed(self, seed: int) -> int:
        """Every case has data of its own, the same in every process of a run."""
        return int.from_bytes(hashlib.sha256(f"{seed} {self.name}".encode()).digest()[:7], "big")


def _cases() -> list[Case]:
    cases = [
        # One token, a tile's edge on either side, a weight that is no multiple of a tile, and one that fills the card.
        Case("dense", dtype, *shape)
        for dtype in ("bf16", "fp8")
        for shape in ((1, 4096, 7168), (63, 2112, 7168), (129, 576, 7168), (128, 7168, 2048), (2048, 4096, 7168))
    ]
    cases += [Case("dense", "bf16", 200, 512, 1024, layout=layout) for layout in ("nn", "tn", "tt")]
    cases += [
        Case("dense", "bf16", 200, 512, 1024, out="f32"),
        Case("dense", "bf16", 200, 512, 1024, out="f32", accumulate=True),
        Case("dense", "bf16", 129, 576, 7168, route="default"),
    ]
    for dtype in ("bf16", "fp8"):
        cases += [
            Case("contiguous", dtype, 200, 4096, 1024, groups=8),
            Case("contiguous", dtype, 70, 576, 2048, groups=4),
            Case("masked", dtype, 256, 4096, 1024, groups=8),
            Case("masked", dtype, 128, 576, 2048, groups=4),
            # Little work, so that a call costs the host more than the card.
            Case("dense", dtype, 16, 512, 512, use="host"),
            Case("contiguous", dtype, 128, 512, 512, groups=2, use="host"),
            Case("masked", dtype, 64, 512, 512, groups=2, use="host"),
            Case("dense", dtype, 8192, 8192, 8192, use="rate"),
            Case("contiguous", dtype, 2048, 4096, 4096, groups=4, use="rate"),
            Case("masked", dtype, 2048, 4096, 4096, groups=4, use="rate"),
        ]
    cases.append(Case("dense", "bf16", 16, 512, 512, route="default", use="host"))
    return cases


CASES: dict[str, Case] = {case.name: case for case in _cases()}

# The cases of the layout of vLLM's wheel: one of each kind and type shows that the JIT finds its headers there.
OVERLAY_CASES = [case for case in CASES.values() if case.use == "host" and case.route == "kernel"]

# The cases whose first call in a process is timed.
FIRST_CALLS = [case for case in OVERLAY_CASES if case.kind == "dense"]


def judge(stats: dict[str, Any], tolerance: Tolerance) -> list[str]:
    """Returns what is wrong with an output, by its measurements; an empty list when it is right.

    A NaN fails every comparison.
    """
    problems = []
    if stats["not_finite"]:
        problems.append(f"{stats['not_finite']} elements not written or not finite")
    if not stats["relative"] <= tolerance.relative:
        problems.append(f"relative error {stats['relative']:.2g}, allowed {tolerance.relative:.2g}")
    if not stats["element"] <= 1:
        problems.append(f"one element is off by {stats['element']:.2g} times what is allowed")
    if not stats["guards"]:
        problems.append("wrote outside the output")
    if not stats["repeats"]:
        problems.append("a second run on the same operands gave other bits")
    return problems
