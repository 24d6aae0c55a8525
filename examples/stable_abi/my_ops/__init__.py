"""A torch extension for the stable ABI."""

import torch

import my_ops._C  # noqa: F401  (registers torch.ops.my_ops)

sum_of_squares = torch.ops.my_ops.sum_of_squares

__all__ = ["sum_of_squares"]
