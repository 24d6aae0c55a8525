"""The products that are checked, and the tolerances of right results."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

# DeepGEMM's scales cover 128 elements along K, and 128x128 blocks of the second operand.
BLOCK = 128


class Tolerance(NamedTuple):
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
    """One product to compute. The calls in a wheel's aot/manifest.json have the same fields.

    kind: {bf16,fp8}_{dense,contiguous,masked}. Contiguous and masked products are m-grouped: all groups are in one
        matrix, or each in its own.
    m: the number of all rows; of each group's if masked.
    expected_m: the rows that the caller of a masked product expects in a group (default: half of them).
    route: "kernel" makes DeepGEMM's own kernel do a bf16 product that it would pass to cuBLASLt ("default").
    layout: which operands are K-major, in BLAS's letters.
    accumulate: adds a matrix to the product.
    """

    kind: str
    m: int
    n: int
    k: int
    groups: int = 1
    expected_m: int = 0
    out: str = "bf16"
    route: str = "kernel"
    layout: str = "nt"
    accumulate: bool = False

    @property
    def name(self) -> str:
        shape = f"{self.m}x{self.n}x{self.k}"
        words = [self.kind, shape if self.groups == 1 else f"{self.groups}x({shape})"]
        words += [self.layout] * (self.layout != "nt") + ["+C"] * self.accumulate + [self.out] * (self.out != "bf16")
        return " ".join(words + [f"({self.route} route)"] * (self.route != "kernel"))

    @property
    def tolerance(self) -> Tolerance:
        return TOLERANCES[self.kind.partition("_")[0], self.out]

    def seed(self, seed: int) -> int:
        """Every case has data of its own, the same in every process of a run."""
        return int.from_bytes(hashlib.sha256(f"{seed} {self}".encode()).digest()[:7], "big")


# One product of each kind and type, which also shows that the JIT finds its headers in the layout of vLLM's wheel.
SMALL = [
    case
    for dtype in ("bf16", "fp8")
    for case in (
        Case(f"{dtype}_dense", 16, 512, 512),
        Case(f"{dtype}_contiguous", 512, 512, 512, groups=3),
        Case(f"{dtype}_masked", 64, 512, 512, groups=3),
    )
]
LARGE = [
    case
    for dtype in ("bf16", "fp8")
    for case in (
        Case(f"{dtype}_dense", 8192, 8192, 8192),
        Case(f"{dtype}_contiguous", 8192, 4096, 4096, groups=4),
        Case(f"{dtype}_masked", 2048, 4096, 4096, groups=4),
    )
]
CASES = [
    *SMALL,
    *LARGE,
    # One token, a tile's edge on either side, a weight that is no multiple of a tile, and one that fills the card.
    *(
        Case(f"{dtype}_dense", *shape)
        for dtype in ("bf16", "fp8")
        for shape in ((1, 4096, 7168), (63, 2112, 7168), (129, 576, 7168), (128, 7168, 2048), (2048, 4096, 7168))
    ),
    *(
        Case(f"{dtype}_{form}", m, n, k, groups=groups)
        for dtype in ("bf16", "fp8")
        for form, m, n, k, groups in (
            ("contiguous", 2048, 4096, 1024, 8),
            ("contiguous", 640, 576, 2048, 4),
            ("masked", 256, 4096, 1024, 8),
            ("masked", 128, 576, 2048, 4),
        )
    ),
    *(Case("bf16_dense", 200, 512, 1024, layout=layout) for layout in ("nn", "tn", "tt")),
    Case("bf16_dense", 200, 512, 1024, out="f32"),
    Case("bf16_dense", 200, 512, 1024, out="f32", accumulate=True),
    Case("bf16_dense", 129, 576, 7168, route="default"),
    Case("bf16_dense", 16, 512, 512, route="default"),
]


def problems(stats: dict[str, Any], tolerance: Tolerance) -> list[str]:
    """Returns what is wrong with an output, by its measurements; an empty list when it is right.

    A NaN fails every comparison.
    """
    checks = {
        f"{stats['not_finite']} elements not written or not finite": not stats["not_finite"],
        f"relative error {stats['relative']:.2g}, allowed {tolerance.relative:.2g}": (
            stats["relative"] <= tolerance.relative
        ),
        f"one element is off by {stats['element']:.2g} times what is allowed": stats["element"] <= 1,
        "wrote outside the output": stats["guards"],
        "a second run on the same operands gave other bits": stats["repeats"],
    }
    return [problem for problem, right in checks.items() if not right]
