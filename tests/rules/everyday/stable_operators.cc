#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

namespace {

using torch::stable::Tensor;

Tensor zeros_like(const Tensor& input) {
  Tensor result = torch::stable::empty_like(input);
  return torch::stable::fill_(result, 0.0);
}

STABLE_TORCH_LIBRARY(everyday_stable, m) { m.def("zeros_like(Tensor input) -> Tensor"); }

STABLE_TORCH_LIBRARY_IMPL(everyday_stable, CPU, m) { m.impl("zeros_like", TORCH_BOX(&zeros_like)); }

}  // namespace
