#include "squares.h"

double sum_of_squares(const at::Tensor& input) {
  TORCH_CHECK(input.scalar_type() == at::kDouble, "expected doubles, found ", input.dtype());
  const at::Tensor elements = input.contiguous();
  const double* data = elements.const_data_ptr<double>();
  double sum = 0;
#pragma omp parallel for reduction(+ : sum)
  for (int64_t i = 0; i < elements.numel(); ++i) sum += data[i] * data[i];
  return sum;
}
