"""A package with a module, a stable-ABI module, and two operator libraries."""

import importlib.machinery
import pathlib

import torch

from ._C import sum_of_squares
from ._stable import norm

__all__ = ["norm", "sum_of_squares"]

for name in ("_operators", "_stable_operators"):
    # As torch-scatter finds its libraries.
    spec = importlib.machinery.PathFinder().find_spec(name, [str(pathlib.Path(__file__).parent)])
    torch.ops.load_library(spec.origin)
