#include <omp.h>
#include <torch/library.h>

#include "tests/rules/everyday/squares.h"

namespace {

// How many threads of OpenMP share the loop.
int64_t threads() {
  int count = 0;
#pragma omp parallel for num_threads(2) reduction(max : count)
  for (int i = 0; i < 2; ++i) count = omp_get_num_threads();
  return count;
}

TORCH_LIBRARY(everyday, m) {
  m.def("sum_of_squares(Tensor input) -> Tensor", &sum_of_squares);
  m.def("threads() -> int", &threads);
}

}  // namespace
