"""Operands, poisoned outputs and references of a case. Runs in a worker, where torch is."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import Any, Callable

import torch

from .cases import BLOCK, Case
from .formats import E4M3_NAN, e4m3_table

# Rows before and after an output that a product must not change.
GUARD = 8
# A reference costs the host m * n * k; above this, rows are drawn at random.
REFERENCE_LIMIT = 2**36
# NaNs that no arithmetic produces. They show an element that was not written, and a guard that was.
POISON = {torch.bfloat16: (torch.int16, 0x7FA5), torch.float32: (torch.int32, 0x7FA55A5A)}


@dataclass
class Operands:
    """The arguments of one product, and what is needed to check its result."""

    case: Case
    a: Any
    b: Any
    rows: int
    c: torch.Tensor | None = None
    # contiguous: group of each row, -1 where it is padding; masked: rows of each group.
    layout: torch.Tensor | None = None
    expected_m: int = 0
    # (group, rows of the output that belong to it)
    parts: list[tuple[int, torch.Tensor]] = field(default_factory=list)

    @property
    def flops(self) -> int:
        valid = sum(len(rows) for _, rows in self.parts)
        return 2 * valid * self.case.n * self.case.k


def build(case: Case, seed: int, prepare_scales: Callable[[torch.Tensor], torch.Tensor] | None = None) -> Operands:
    """Fresh operands on the GPU. `prepare_scales` converts scales to the layout that a serving engine passes."""
    generator = torch.Generator().manual_seed(case.seed(seed))
    sizes, rows, layout = _groups(case, generator)
    lead = (case.groups,) if case.kind == "masked" else ()
    a = _random(generator, *lead, case.m if case.kind != "contiguous" else rows, case.k)
    b = _random(generator, *((case.groups,) if case.groups else ()), case.n, case.k)
    parts, padding = [], torch.ones(rows, dtype=torch.bool)
    for group, (start, size) in enumerate(sizes):
        parts.append((group, torch.arange(start, start + size)))
        padding[start : start + size] = False
    operands = Operands(case, None, None, rows, parts=parts)
    operands.expected_m = max(1, round(sum(size for _, size in sizes) / len(sizes)))
    if layout is not None:
        operands.layout = torch.tensor(layout, dtype=torch.int32, device="cuda")
    if case.accumulate:
        operands.c = torch.randn(case.m, case.n, generator=generator).cuda()
    # Rows that belong to no group hold NaN: they must not reach the rows that do.
    if case.dtype == "fp8":
        operands.a = quantize(a, 1)
        operands.b = quantize(b, BLOCK)
        operands.a[0].view(torch.uint8).view(-1, case.k)[padding.cuda()] = E4M3_NAN
        if prepare_scales is not None:
            operands.a = (operands.a[0], prepare_scales(operands.a[1]))
    else:
        operands.a, operands.b = a.bfloat16(), b.bfloat16()
        operands.a.view(-1, case.k)[padding.cuda()] = float("nan")
        if case.layout[0] == "t":
            operands.a = operands.a.T.contiguous()
        if case.layout[1] == "n":
            operands.b = operands.b.T.contiguous()
    return operands


def output(operands: Operands) -> tuple[torch.Tensor, torch.Tensor]:
    """A poisoned output and the buffer around it."""
    case = operands.case
    dtype = torch.bfloat16 if case.out == "bf16" else torch.float32
    buffer = torch.empty(operands.rows + 2 * GUARD, case.n, dtype=dtype, device="cuda")
    poison(buffer)
    inner = buffer[GUARD:-GUARD]
    return (inner.view(case.groups, case.m, case.n) if case.kind == "masked" else inner), buffer


def poison(buffer: torch.Tensor) -> None:
    """Fills a buffer with NaNs of our own."""
    bits, value = POISON[buffer.dtype]
    buffer.view(bits).fill_(value)


def caller(module: Any, operands: Operands, out: torch.Tensor) -> Callable[[], None]:
    """The call, as an application writes it."""
    case, a, b = operands.case, operands.a, operands.b
    if case.kind == "contiguous":
        function, layout = getattr(module, f"m_grouped_{case.dtype}_gemm_nt_contiguous"), operands.layout
        return lambda: function(a, b, out, layout)
    if case.kind == "masked":
        function, layout = getattr(module, f"m_grouped_{case.dtype}_gemm_nt_masked"), operands.layout
        expected_m = operands.expected_m
        return lambda: function(a, b, out, layout, expected_m)
    function = getattr(module, f"{case.dtype}_gemm_{case.layout}")
    if operands.c is not None:
        c = operands.c
        return lambda: function(a, b, out, c=c)
    return lambda: function(a, b, out)


def select_route(module: Any, case: Case) -> None:
    """Selects DeepGEMM's own kernel or cuBLASLt for dense bf16, in versions with both. Their default is cuBLASLt."""
    if hasattr(module, "use_deterministic_algorithms"):
        module.use_deterministic_algorithms(case.route == "kernel")


def check(module: Any, case: Case, seed: int) -> dict[str, Any]:
    """Computes a case twice and measures the result against a float64 product of the same operands."""
    scales = module.get_mn_major_tma_aligned_tensor if case.use else None
    operands = build(case, seed, scales)
    select_route(module, case)
    out, buffer = output(operands)
    call = caller(module, operands, out)
    call()
    torch.cuda.synchronize()
    first = buffer.clone()
    poison(buffer)
    call()
    torch.cuda.synchronize()
    valid = torch.cat([rows for _, rows in operands.parts]).cuda() + GUARD
    bits, value = POISON[buffer.dtype]
    guards = torch.cat([first[:GUARD], first[-GUARD:], buffer[:GUARD], buffer[-GUARD:]]).view(bits)
    result = first[valid].cpu()
    stats = {
        "not_finite": int((~torch.isfinite(result)).sum()),
        "guards": bool((guards == value).all()),
        "repeats": bool(torch.equal(first[valid].view(bits), buffer[valid].view(bits))),
        "digest": hashlib.sha256(result.view(bits).numpy().tobytes()).hexdigest(),
    }
    stats.update(_compare(operands, first[GUARD:-GUARD].cpu(), seed))
    return stats


def _compare(operands: Operands, out: torch.Tensor, seed: int) -> dict[str, Any]:
    case, tolerance = operands.case, operands.case.tolerance
    a, b = _exact(operands, "a"), _exact(operands, "b")
    generator = torch.Generator().manual_seed(case.seed(seed) + 1)
    share = REFERENCE_LIMIT / (operands.rows * case.n * case.k)
    error, norm, worst, compared = 0.0, 0.0, 0.0, 0
    for group, every in operands.parts:
        rows = every
        if share < 1:
            rows = every[torch.randperm(len(every), generator=generator)[: math.ceil(len(every) * share)]]
        if not len(rows):
            continue
        weights = b(group)
        left = a(rows)
        reference = left @ weights.T
        if operands.c is not None:
            reference += operands.c.cpu().double()[rows]
        difference = (out[rows].double() - reference).abs()
        typical = left.norm(dim=1)[:, None] * weights.norm(dim=1)[None, :] / math.sqrt(case.k)
        ratio = difference / (tolerance.ulp * reference.abs() + tolerance.typical * typical)
        # max() of a tensor with a NaN is NaN, but Python's max() of two numbers may lose it.
        largest = float(ratio.max())
        worst = largest if math.isnan(largest) else max(worst, largest)
        error += float((difference**2).sum())
        norm += float((reference**2).sum())
        compared += len(rows)
    return {"relative": math.sqrt(error / norm) if norm else math.nan, "element": worst, "rows": compared}


def _exact(operands: Operands, which: str) -> Callable[[Any], torch.Tensor]:
    """Rows of an operand (of `a`, by number; of `b`, by group) as float64 on the host."""
    case = operands.case
    tensor = getattr(operands, which)
    if case.dtype == "bf16":
        if which == "a":
            plain = tensor.T if case.layout[0] == "t" else tensor.view(-1, case.k)
            return lambda rows: plain[rows.cuda()].cpu().double()
        plain = tensor.T if case.layout[1] == "n" else tensor
        return lambda group: (plain[group] if case.groups else plain).cpu().double()
    table = torch.tensor(e4m3_table(), dtype=torch.float64)
    values, scales = tensor[0].view(torch.uint8), tensor[1]
    granularity = 1 if which == "a" else BLOCK

    def decode(values: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        wide = scales.cpu().double().repeat_interleave(BLOCK, dim=1)
        wide = wide.repeat_interleave(granularity, dim=0)[: values.shape[0]]
        return table[values.cpu().int()] * wide

    if which == "a":
        flat = values.reshape(-1, case.k)
        flat_scales = scales.reshape(-1, case.k // BLOCK)
        return lambda rows: decode(flat[rows.cuda()], flat_scales[rows.cuda()])
    return lambda group: decode(values[group], scales[group]) if case.groups else decode(values, scales)


def _groups(case: Case, generator: torch.Generator) -> tuple[list[tuple[int, int]], int, list[int] | None]:
    """(start, size) of every group's rows in the output, rows of the output in all, and the layout argument."""
    if not case.groups:
        return [(0, case.m)], case.m, None
    if case.use:
        sizes = [case.m] * case.groups
    else:
        # Uneven, and one group without a token, as a router makes them.
        upper = case.m if case.kind == "masked" else 2 * case.m
        sizes = torch.randint(1, upper + 1, (case.groups,), generator=generator).tolist()
        sizes[int(torch.randint(0, case.groups, (1,), generator=generator))] = 0
    if case.kind == "masked":
        return [(i * case.m, size) for i, size in enumerate(sizes)], case.groups * case.m, sizes
    spans, layout, start = [], [], 0
    for group, size in enumerate(sizes):
        padded = -(-size // BLOCK) * BLOCK
        spans.append((start, size))
        layout += [group] * size + [-1] * (padded - size)
        start += padded
    return spans, start, layout


def _random(generator: torch.Generator, *shape: int) -> torch.Tensor:
    """Normal numbers whose size differs from block to block, so that a scale taken from the wrong place shows."""
    values = torch.randn(*shape, generator=generator).cuda()
    rows, columns = -(-shape[-2] // BLOCK), -(-shape[-1] // BLOCK)
    sizes = torch.exp2(4 * torch.rand(*shape[:-2], rows, columns, generator=generator) - 2).cuda()
    sizes = sizes.repeat_interleave(BLOCK, dim=-2)[..., : shape[-2], :]
    return values.unflatten(-1, (columns, -1)).mul_(sizes.unsqueeze(-1)).flatten(-2)


def quantize(values: torch.Tensor, granularity: int) -> tuple[torch.Tensor, torch.Tensor]:
    """float8_e4m3fn and its float32 scales: of `granularity` rows and 128 columns each."""
    rows = values.shape[-2]
    padded = -(-rows // granularity) * granularity
    values = torch.nn.functional.pad(values, (0, 0, 0, padded - rows))
    blocks = values.unflatten(-1, (-1, BLOCK)).unflatten(-3, (-1, granularity))
    scales = blocks.abs().amax(dim=(-3, -1), keepdim=True).clamp(min=1e-4) / 448.0
    quantized = (blocks / scales).to(torch.float8_e4m3fn).flatten(-4, -3).flatten(-2)
    return quantized[..., :rows, :].contiguous(), scales.squeeze(-1).squeeze(-2).contiguous()
