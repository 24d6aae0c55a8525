"""With little regularization, the soft rank is the rank; the gradient shares each tie."""

import torch
import torchsort

values = torch.tensor([[8.0, 0.0, 5.0, 3.0]], requires_grad=True)
ranks = torchsort.soft_rank(values, regularization_strength=0.1)
torch.testing.assert_close(ranks, torch.tensor([[4.0, 1.0, 3.0, 2.0]]))

sorted_values = torchsort.soft_sort(values, regularization="kl", regularization_strength=0.1)
torch.testing.assert_close(sorted_values, torch.tensor([[0.0, 3.0, 5.0, 8.0]]), rtol=0, atol=1e-3)
sorted_values[0, -1].backward()
torch.testing.assert_close(values.grad, torch.tensor([[1.0, 0.0, 0.0, 0.0]]), rtol=0, atol=1e-3)
