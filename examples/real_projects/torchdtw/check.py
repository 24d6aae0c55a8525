"""Dynamic time warping along the diagonal, alone and in a batch."""

import torch
import torchdtw

distances = torch.tensor([[0.0, 2.0, 3.0], [4.0, 1.0, 5.0], [6.0, 7.0, 2.0]])
assert torchdtw.dtw_path(distances).tolist() == [[0, 0], [1, 1], [2, 2]]
assert torchdtw.dtw(distances).item() == (0 + 1 + 2) / 3

batch = distances.expand(2, 2, 3, 3).contiguous()
lengths = torch.tensor([3, 3]), torch.tensor([3, 2])
# Without the last column, the path ends at 7.
expected = torch.tensor([(0 + 1 + 2) / 3, (0 + 1 + 7) / 3]).expand(2, 2)
torch.testing.assert_close(torchdtw.dtw_batch(batch, *lengths, symmetric=False), expected)
