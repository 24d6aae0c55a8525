#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/extension.h>

#include "axpy.h"

namespace {

// a * x + y of two float tensors of one shape, on the GPU that they are on.
at::Tensor axpy_tensors(double a, const at::Tensor& x, const at::Tensor& y) {
  for (const at::Tensor& tensor : {x, y}) {
    TORCH_CHECK(tensor.is_cuda() && tensor.scalar_type() == at::kFloat, "expected a float32 tensor on a GPU, found ",
                tensor.toString(), " on ", tensor.device());
  }
  TORCH_CHECK(x.device() == y.device(), "expected tensors on one GPU, found ", x.device(), " and ", y.device());
  TORCH_CHECK(x.sizes() == y.sizes(), "expected tensors of one shape, found ", x.sizes(), " and ", y.sizes());
  const c10::cuda::CUDAGuard guard(x.device());
  const at::Tensor left = x.contiguous();
  const at::Tensor right = y.contiguous();
  at::Tensor out = at::empty_like(left);
  C10_CUDA_CHECK(axpy(static_cast<float>(a), left.const_data_ptr<float>(), right.const_data_ptr<float>(),
                      out.data_ptr<float>(), out.numel(), at::cuda::getCurrentCUDAStream()));
  return out;
}

}  // namespace

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) { m.def("axpy", &axpy_tensors); }
