"""Computes a product on the GPU and compares it with a float64 product of the same operands. Runs in a worker.

An operand of a model's layer has up to 300 million elements. torch, not DeepGEMM, draws them and computes the
reference, both on the GPU.
"""

from __future__ import annotations

import functools
import hashlib
import math
import time
from dataclasses import dataclass
from typing import Any, Callable

import torch

from .cases import BLOCK, Case, problems

# Rows before and after an output that a product must not change.
GUARD = 8
# NaNs that no arithmetic produces. They show an element that was not written, and a guard that was.
POISON = {torch.bfloat16: (torch.int16, 0x7FA5), torch.float32: (torch.int32, 0x7FA55A5A)}
E4M3_NAN = 0x7F

# A matrix: (values,) in bfloat16, or (values, scales) in float8.
Matrix = tuple[torch.Tensor, ...]


@dataclass
class Product:
    """A call with its operands, and what is needed to check its result."""

    case: Case
    call: Callable[[], None]
    # The output, between guard rows.
    buffer: torch.Tensor
    # K-major, whatever the layout of the call: all rows, and a matrix for each group.
    a: Matrix
    b: Matrix
    c: torch.Tensor | None
    # For each row of the output its group, or -1.
    owner: torch.Tensor


def build(module: Any, case: Case, seed: int, scales: Callable[[torch.Tensor], Any] = lambda scales: scales) -> Product:
    """Makes operands on the GPU. They are the same in every process with this seed.

    Rows that belong to no group hold NaN: they must not reach the rows that do.

    Args:
        module: DeepGEMM.
        case: The product.
        seed: The run's seed.
        scales: Converts the scales of the first operand to the layout that a serving engine passes.
    """
    generator = torch.Generator("cuda").manual_seed(case.seed(seed))
    dtype, form = case.kind.split("_")
    owner, layout = _groups(case, form, generator)
    a = _draw(generator, dtype, len(owner), case.k, 1)
    b = tuple(map(torch.stack, zip(*(_draw(generator, dtype, case.n, case.k, BLOCK) for _ in range(case.groups)))))
    if dtype == "fp8":
        a[0].view(torch.uint8)[owner < 0] = E4M3_NAN
    else:
        a[0][owner < 0] = math.nan
    buffer = torch.empty(
        len(owner) + 2 * GUARD, case.n, dtype=torch.bfloat16 if case.out == "bf16" else torch.float32, device="cuda"
    )
    poison(buffer)
    c = torch.randn(len(owner), case.n, generator=generator, device="cuda") if case.accumulate else None
    left, right, out = list(a), list(b), buffer[GUARD:-GUARD]
    function = f"m_grouped_{dtype}_gemm_nt_{form}"
    if form == "dense":
        function = f"{dtype}_gemm_{case.layout}"
        right = [part[0] for part in right]
        left[0] = left[0].T.contiguous() if case.layout[0] == "t" else left[0]
        right[0] = right[0].T.contiguous() if case.layout[1] == "n" else right[0]
    elif form == "masked":
        left, out = [part.view(case.groups, case.m, -1) for part in left], out.view(case.groups, case.m, -1)
    if dtype == "fp8":
        arguments = [(left[0], scales(left[1])), tuple(right), out, *layout]
    else:
        arguments = [left[0], right[0], out, *layout]
    if hasattr(module, "use_deterministic_algorithms"):
        # Versions with DeepGEMM's own kernel and cuBLASLt for dense bf16 use cuBLASLt by default.
        module.use_deterministic_algorithms(case.route == "kernel")
    call = functools.partial(getattr(module, function), *arguments, **({} if c is None else {"c": c}))
    return Product(case, call, buffer, a, b, c, owner)


def _groups(case: Case, form: str, generator: torch.Generator) -> tuple[torch.Tensor, list[Any]]:
    """Returns the group of each row, and the arguments that describe the groups.

    Groups differ in size and, if there are several, one has no rows, as a router makes them.
    """
    draw = functools.partial(torch.randint, generator=generator, device="cuda")
    if form == "dense":
        return torch.zeros(case.m, dtype=torch.int32, device="cuda"), []
    empty = draw(0, case.groups, (1,))
    if form == "masked":
        expected = case.expected_m or case.m // 2
        sizes = draw(1, min(case.m, 2 * expected) + 1, (case.groups,))
        sizes[empty] *= case.groups == 1
        groups, rows = torch.arange(case.groups, device="cuda")[:, None], torch.arange(case.m, device="cuda")
        return torch.where(rows < sizes[:, None], groups, -1).flatten().int(), [sizes.int(), expected]
    blocks = (empty + 1 + draw(0, max(1, case.groups - 1), (case.m // BLOCK,))) % case.groups
    owner = blocks.sort().values.repeat_interleave(BLOCK)
    # A group's rows end anywhere in its last block.
    last = torch.cat([owner[BLOCK:] != owner[:-BLOCK], torch.ones(BLOCK, dtype=torch.bool, device="cuda")])
    ends = draw(1, BLOCK + 1, (case.m // BLOCK,)).repeat_interleave(BLOCK)
    owner[last & (torch.arange(case.m, device="cuda") % BLOCK >= ends)] = -1
    return owner.int(), [owner.int()]


def _draw(generator: torch.Generator, dtype: str, rows: int, columns: int, granularity: int) -> Matrix:
    """Draws normal numbers whose size differs from block to block, so that a scale from the wrong place shows.

    Works in slices that fit into memory as float32.
    """
    step = max(BLOCK, (1 << 26) // columns // BLOCK * BLOCK)
    slices = []
    for start in range(0, rows, step):
        values = torch.randn(min(step, rows - start), columns, generator=generator, device="cuda")
        shape = [-(-size // BLOCK) for size in values.shape]
        sizes = torch.exp2(4 * torch.rand(*shape, generator=generator, device="cuda") - 2)
        values *= sizes.repeat_interleave(BLOCK, 0)[: len(values)].repeat_interleave(BLOCK, 1)[:, :columns]
        slices.append((values.bfloat16(),) if dtype == "bf16" else quantize(values, granularity))
    return tuple(map(torch.cat, zip(*slices)))


def quantize(values: torch.Tensor, granularity: int) -> Matrix:
    """Returns float8_e4m3fn and its float32 scales, each of `granularity` rows and 128 columns."""
    padded = torch.nn.functional.pad(values, (0, 0, 0, -len(values) % granularity))
    blocks = padded.unflatten(1, (-1, BLOCK)).unflatten(0, (-1, granularity))
    scales = blocks.abs().amax(dim=(1, 3), keepdim=True).clamp(min=1e-4) / 448.0
    quantized = (blocks / scales).to(torch.float8_e4m3fn).flatten(2).flatten(0, 1)
    return quantized[: len(values)].contiguous(), scales.squeeze(3).squeeze(1).contiguous()


def poison(buffer: torch.Tensor) -> None:
    """Fills a buffer with NaNs of our own."""
    bits, value = POISON[buffer.dtype]
    buffer.view(bits).fill_(value)


def check(module: Any, case: Case, seed: int) -> dict[str, Any]:
    """Computes the product twice. Returns the time of the first call, and what is wrong with the result."""
    product = build(module, case, seed)
    torch.cuda.synchronize()
    began = time.perf_counter()
    product.call()
    torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    buffer, bits = product.buffer, POISON[product.buffer.dtype]
    first = buffer.clone()
    poison(buffer)
    product.call()
    torch.cuda.synchronize()
    valid = (product.owner >= 0).nonzero().flatten() + GUARD
    guards = torch.cat([first[:GUARD], first[-GUARD:], buffer[:GUARD], buffer[-GUARD:]]).view(bits[0])
    result = first[valid]
    stats = {
        "seconds": seconds,
        "not_finite": int((~torch.isfinite(result)).sum()),
        "guards": bool((guards == bits[1]).all()),
        "repeats": torch.equal(result.view(bits[0]), buffer[valid].view(bits[0])),
        "digest": hashlib.sha256(result.view(bits[0]).cpu().numpy().tobytes()).hexdigest(),
        **_compare(product, first[GUARD:-GUARD]),
    }
    del product, buffer, first, result, guards
    # Other processes check products on this GPU at the same time.
    torch.cuda.empty_cache()
    return {**stats, "problems": problems(stats, case.tolerance)}


def _compare(product: Product, out: torch.Tensor) -> dict[str, float]:
    case, tolerance = product.case, product.case.tolerance
    error = norm = worst = 0.0
    for group in range(case.groups):
        right = _exact(tuple(part[group] for part in product.b), slice(None), BLOCK)
        # Compare at most 2**25 elements of the output at a time: they are float64.
        for rows in (product.owner == group).nonzero().flatten().split(max(1, (1 << 25) // case.n)):
            left = _exact(product.a, rows, 1)
            reference = left @ right.T
            if product.c is not None:
                reference += product.c[rows]
            difference = (out[rows].double() - reference).abs()
            typical = left.norm(dim=1)[:, None] * right.norm(dim=1) / math.sqrt(case.k)
            ratios = difference / (tolerance.ulp * reference.abs() + tolerance.typical * typical)
            # max() of a tensor with a NaN is NaN, but Python's max() of two numbers may lose it.
            ratio = float(ratios.max()) if len(rows) else 0.0
            worst = ratio if math.isnan(ratio) else max(worst, ratio)
            error += float((difference**2).sum())
            norm += float((reference**2).sum())
    return {"relative": math.sqrt(error / norm) if norm else math.nan, "element": worst}


def _exact(matrix: Matrix, rows: Any, granularity: int) -> torch.Tensor:
    """Returns rows of a matrix, decoded to float64 by torch's own conversion."""
    values = matrix[0][rows].double()
    for scales in matrix[1:]:
        wide = scales.repeat_interleave(granularity, dim=0)[: len(matrix[0])][rows]
        values *= wide.double().repeat_interleave(BLOCK, dim=1)
    return values
