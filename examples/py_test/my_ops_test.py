"""Both libraries compute the same."""

import my_ops
import torch

ones = torch.ones(1000, dtype=torch.float64)
assert my_ops.sum_of_squares(ones) == 1000
assert torch.ops.my_ops.sum_of_squares(ones) == 1000
