"""Runs and checks products on the GPU. Each needs one kernel of the package. A worker imports this file.

An operand of a model's layer has up to 300 million elements. torch, not DeepGEMM, draws them and computes the float64
reference, both on the GPU.
"""

from __future__ import annotations

import hashlib
import math
import time
from typing import Any

import torch

from .cases import BLOCK, Case
from .operands import GUARD, POISON, Operands, caller, output, poison, quantize, select_route


def case_of(call: dict[str, Any]) -> Case:
    """Returns the product that the manifest gives as the example of a call of a kernel."""
    dtype, _, kind = call["kind"].partition("_")
    return Case(kind, dtype, call["m"], call["n"], call["k"], groups=0 if kind == "dense" else call["groups"])


def build(call: dict[str, Any], seed: int) -> Operands:
    """Returns operands of exactly the shapes of the call. They are the same in every process with this seed."""
    case = case_of(call)
    generator = torch.Generator("cuda").manual_seed(case.seed(seed))
    groups = max(1, case.groups)
    rows = case.m * groups if case.kind == "masked" else case.m
    operands = Operands(case, None, None, rows, expected_m=call.get("expected_m", 0))
    if case.kind == "dense":
        operands.parts = [(0, torch.arange(rows))]
    elif case.kind == "contiguous":
        blocks = torch.randint(0, groups, (rows // BLOCK,), generator=generator, device="cuda").sort().values
        operands.layout = blocks.repeat_interleave(BLOCK).int()
        owners = operands.layout.cpu()
        operands.parts = [(group, (owners == group).nonzero().flatten()) for group in owners.unique().tolist()]
    else:
        upper = min(case.m, 2 * operands.expected_m)
        sizes = torch.randint(1, upper + 1, (groups,), generator=generator, device="cuda").int()
        operands.layout = sizes
        operands.parts = [(g, torch.arange(g * case.m, g * case.m + size)) for g, size in enumerate(sizes.tolist())]
    lead = (groups,) if case.kind == "masked" else ()
    a = _drawn(generator, case.dtype, rows, case.k, 1)
    b = [_drawn(generator, case.dtype, case.n, case.k, BLOCK) for _ in range(groups)]
    if case.dtype == "fp8":
        operands.a = tuple(part.view(*lead, -1, part.shape[-1]) for part in a)
        operands.b = tuple(torch.stack(parts) if case.groups else parts[0] for parts in zip(*b))
    else:
        operands.a = a.view(*lead, -1, case.k)
        operands.b = torch.stack(b) if case.groups else b[0]
    return operands


def _drawn(generator: torch.Generator, dtype: str, rows: int, columns: int, granularity: int) -> Any:
    """Draws normal numbers, as bfloat16, or as float8 with scales. Works in slices that fit into memory as float32."""
    step = max(BLOCK, (1 << 26) // columns // BLOCK * BLOCK)
    slices = [
        torch.randn(min(step, rows - start), columns, generator=generator, device="cuda")
        for start in range(0, rows, step)
    ]
    if dtype == "bf16":
        return torch.cat([values.bfloat16() for values in slices])
    return tuple(torch.cat(parts) for parts in zip(*(quantize(values, granularity) for values in slices)))


def check(module: Any, call: dict[str, Any], seed: int) -> dict[str, Any]:
    """Computes the product twice. Returns the time of the first call, and how far the result is from the reference."""
    operands = build(call, seed)
    select_route(module, operands.case)
    out, buffer = output(operands)
    compute = caller(module, operands, out)
    torch.cuda.synchronize()
    began = time.perf_counter()
    compute()
    torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    first = buffer.clone()
    poison(buffer)
    compute()
    torch.cuda.synchronize()
    bits, value = POISON[buffer.dtype]
    valid = torch.cat([rows for _, rows in operands.parts]).cuda() + GUARD
    guards = torch.cat([first[:GUARD], first[-GUARD:], buffer[:GUARD], buffer[-GUARD:]]).view(bits)
    result = first[valid]
    return {
        "seconds": seconds,
        "not_finite": int((~torch.isfinite(result)).sum()),
        "guards": bool((guards == value).all()),
        "repeats": bool(torch.equal(result.view(bits), buffer[valid].view(bits))),
        "digest": hashlib.sha256(result.view(bits).cpu().numpy().tobytes()).hexdigest(),
        **_compare(operands, first[GUARD:-GUARD]),
    }


def _compare(operands: Operands, out: torch.Tensor) -> dict[str, Any]:
    case, tolerance = operands.case, operands.case.tolerance
    error = norm = worst = 0.0
    for group, rows in operands.parts:
        left = _exact(operands.a, rows.cuda(), 1, case.k)
        right = _exact(operands.b, slice(None), BLOCK, case.k, group if case.groups else None)
        # Compare at most 2**25 elements of the output at a time: they are float64.
        step = max(1, (1 << 25) // case.n)
        for start in range(0, len(rows), step):
            part = left[start : start + step]
            reference = part @ right.T
            difference = (out[rows[start : start + step].cuda()].double() - reference).abs()
            typical = part.norm(dim=1)[:, None] * right.norm(dim=1)[None, :] / math.sqrt(case.k)
            ratio = float((difference / (tolerance.ulp * reference.abs() + tolerance.typical * typical)).max())
            worst = ratio if math.isnan(ratio) else max(worst, ratio)
            error += float((difference**2).sum())
            norm += float((reference**2).sum())
    return {"relative": math.sqrt(error / norm) if norm else math.nan, "element": worst}


def _exact(operand: Any, rows: Any, granularity: int, k: int, group: int | None = None) -> torch.Tensor:
    """Returns rows of an operand, decoded to float64 by torch's own conversion."""
    if not isinstance(operand, tuple):
        values = operand if group is None else operand[group]
        return values.reshape(-1, k)[rows].double()
    values, scales = operand if group is None else (operand[0][group], operand[1][group])
    values, scales = values.reshape(-1, k), scales.reshape(-1, scales.shape[-1])
    wide = scales.repeat_interleave(granularity, dim=0)[: values.shape[0]][rows]
    return values[rows].double() * wide.double().repeat_interleave(BLOCK, dim=1)[:, :k]
