#pragma once

#include <ATen/ATen.h>

// The sum of squares of a tensor's elements, as a tensor without dimensions.
at::Tensor sum_of_squares(const at::Tensor& input);
