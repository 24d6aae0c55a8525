// In the place of DeepJIT's header of this name: tensor maps and the like are not made, for nothing is launched.
#pragma once

#include <cuda.h>

#include <deep_jit/utils/exception.hpp>
#include <deep_jit/utils/lazy.hpp>

#define DJ_CUDA_DRIVER_CHECK(expression) ((void)0)

namespace deep_jit::cuda::driver {
inline void lazy_cuLibraryUnload(CUlibrary) {}
}  // namespace deep_jit::cuda::driver
