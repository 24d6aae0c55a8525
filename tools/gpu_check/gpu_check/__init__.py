"""Checks a built deep_gemm wheel on a Hopper GPU: the numbers first, then the cost of a call."""
