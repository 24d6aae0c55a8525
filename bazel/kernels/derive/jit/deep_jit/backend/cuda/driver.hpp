// Replaces DeepJIT's header of this name. No call of the CUDA driver, such as the encoding of a tensor map, is executed.
#pragma once

#include <cuda.h>

#include <deep_jit/utils/exception.hpp>
#include <deep_jit/utils/lazy.hpp>

#define DJ_CUDA_DRIVER_CHECK(expression) ((void)0)

namespace deep_jit::cuda::driver {
inline void lazy_cuLibraryUnload(CUlibrary) {}
}  // namespace deep_jit::cuda::driver
