#include <torch/extension.h>

namespace {

// torch's casters convert the tensors, whichever pybind11 compiles them.
at::Tensor sum_of_squares(const at::Tensor& input) {
  TORCH_CHECK_INDEX(input.numel() > 0, "expected elements");
  return input.square().sum();
}

}  // namespace

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.def("sum_of_squares", &sum_of_squares);
  // Extensions share what pybind11 registers (classes, exception translators) only if this name is the same in both.
  m.attr("internals") = PYBIND11_INTERNALS_ID;
  m.attr("version") = PYBIND11_TOSTRING(PYBIND11_VERSION_MAJOR) "." PYBIND11_TOSTRING(PYBIND11_VERSION_MINOR);
}
