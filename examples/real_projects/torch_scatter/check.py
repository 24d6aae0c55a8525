"""Values of each operator library: scatter, segment_csr and segment_coo; and a gradient."""

import torch
import torch_scatter

source = torch.tensor([5.0, 1.0, 7.0, 2.0, 3.0], requires_grad=True)
index = torch.tensor([0, 0, 1, 1, 2])

largest, where = torch_scatter.scatter_max(source, index)
assert largest.tolist() == [5.0, 7.0, 3.0]
assert where.tolist() == [0, 2, 4]
largest.sum().backward()
assert source.grad.tolist() == [1.0, 0.0, 1.0, 0.0, 1.0]

assert torch_scatter.segment_csr(source, torch.tensor([0, 2, 4, 5]), reduce="sum").tolist() == [6.0, 9.0, 3.0]
assert torch_scatter.segment_coo(source, index, reduce="mean").tolist() == [3.0, 4.5, 3.0]
