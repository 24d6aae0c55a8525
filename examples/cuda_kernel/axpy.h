#pragma once

#include <cuda_runtime.h>

#include <cstdint>

// Starts out[i] = a * x[i] + y[i] on a stream, and returns at once.
cudaError_t axpy(float a, const float* x, const float* y, float* out, int64_t count, cudaStream_t stream);
