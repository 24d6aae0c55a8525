#include <ATen/ATen.h>
#include <Python.h>
#include <torch/library.h>

namespace {

// The sum of squares of a tensor's elements, as a tensor without dimensions.
at::Tensor sum_of_squares(const at::Tensor& input) {
  TORCH_CHECK(input.is_floating_point(), "expected a floating-point tensor, found ", input.dtype());
  return (input * input).sum();
}

// The operator is torch's: it needs no binding, and no name of CPython's beyond the limited API.
TORCH_LIBRARY(my_ops, m) { m.def("sum_of_squares(Tensor input) -> Tensor", &sum_of_squares); }

PyModuleDef module = {PyModuleDef_HEAD_INIT, "_C", nullptr, 0, nullptr};

}  // namespace

// `import my_ops._C` loads the library, which registers the operator; the module itself is empty.
PyMODINIT_FUNC PyInit__C() { return PyModuleDef_Init(&module); }
