"""Calls each module, and checks which pybind11 it was compiled with and what follows from that."""

import my_ops
import torch

values = torch.tensor([1.0, 2.0, 3.0])
for module in (my_ops.pybind11_ops, my_ops.nanobind_ops, my_ops.nanobind_abi3_ops):
    result = module.sum_of_squares(values)
    assert float(result) == 14.0, f"{module.__name__}: {result}"

# torch's casters gave a tensor, though the module's pybind11 is not torch's.
assert isinstance(my_ops.pybind11_ops.sum_of_squares(values), torch.Tensor)
assert my_ops.pybind11_ops.version == "2.13", my_ops.pybind11_ops.version
# torch registers its exceptions with its own pybind11 only: there, this one would be an IndexError.
error = None
try:
    my_ops.pybind11_ops.sum_of_squares(torch.empty(0))
except RuntimeError as raised:
    error = raised
assert "expected elements" in str(error), error
