"""Checks a built deep_gemm wheel on a Hopper GPU: right numbers first, then what a call costs."""
