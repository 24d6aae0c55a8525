#include <ATen/ATen.h>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

namespace nb = nanobind;

namespace {

// nanobind takes a tensor through DLPack, without a copy.
using Vector = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

double sum_of_squares(const Vector& input) {
  const auto size = static_cast<int64_t>(input.size());
  return at::from_blob(const_cast<float*>(input.data()), {size}, at::kFloat).square().sum().item<double>();
}

}  // namespace

NB_MODULE(TORCH_EXTENSION_NAME, m) { m.def("sum_of_squares", &sum_of_squares); }
