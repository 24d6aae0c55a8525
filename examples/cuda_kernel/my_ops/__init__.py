"""A torch extension with a CUDA kernel."""

import torch  # noqa: F401  (loads the libraries that _C is linked with)

from my_ops._C import axpy

__all__ = ["axpy"]
