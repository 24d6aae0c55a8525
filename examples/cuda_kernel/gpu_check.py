"""Compares the kernel with torch, on a GPU: python gpu_check.py, in an environment that has the wheel."""

import my_ops
import torch

torch.manual_seed(0)
for shape in [(0,), (1,), (257,), (1000, 1003), (3, 1 << 20)]:
    x, y = torch.randn(2, *shape, device="cuda")
    # One rounding at most: the kernel may fuse the multiplication and the addition, as torch's may.
    torch.testing.assert_close(my_ops.axpy(0.5, x, y), 0.5 * x + y, rtol=0, atol=1e-6)

# Tensors that are not contiguous, and a stream other than the default one.
x, y = torch.randn(2, 512, 511, device="cuda")
with torch.cuda.stream(torch.cuda.Stream()):
    torch.testing.assert_close(my_ops.axpy(-2.0, x.T, y.T), -2.0 * x.T + y.T, rtol=0, atol=1e-6)

for wrong in [x.cpu(), x.double()]:
    message = ""
    try:
        my_ops.axpy(1.0, wrong, wrong)
    except RuntimeError as error:
        message = str(error)
    assert "expected a float32 tensor on a GPU" in message, f"axpy of {wrong.dtype} on {wrong.device}: {message}"

print(f"axpy is right on {torch.cuda.get_device_name()}, torch {torch.__version__}")
