"""A torch extension."""

import torch  # noqa: F401  (loads the libraries that _C is linked with)

from my_ops._C import sum_of_squares

__all__ = ["sum_of_squares"]
