"""Prints the norm of the numbers on the command line."""

import math
import sys

import my_ops
import torch

print(math.sqrt(my_ops.sum_of_squares(torch.tensor([float(text) for text in sys.argv[1:]], dtype=torch.float64))))
