#pragma once

#include <ATen/core/Tensor.h>

// The sum of squares of a tensor's elements, which must be doubles.
double sum_of_squares(const at::Tensor& input);
