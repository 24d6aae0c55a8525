#include "axpy.h"

namespace {

constexpr int kThreads = 256;
constexpr int64_t kBlocks = 1024;

__global__ void axpy_kernel(float a, const float* x, const float* y, float* out, int64_t count) {
  const int64_t stride = int64_t{blockDim.x} * gridDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    out[i] = a * x[i] + y[i];
  }
}

}  // namespace

cudaError_t axpy(float a, const float* x, const float* y, float* out, int64_t count, cudaStream_t stream) {
  const int64_t needed = (count + kThreads - 1) / kThreads;
  if (needed > 0) {
    axpy_kernel<<<needed < kBlocks ? needed : kBlocks, kThreads, 0, stream>>>(a, x, y, out, count);
  }
  return cudaGetLastError();
}
