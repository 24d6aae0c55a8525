
#include <deep_gemm/impls/sm90_fp8_gemm_1d2d.cuh>

using namespace deep_gemm;

static void __instantiate_kernel() {
    auto ptr = reinterpret_cast<void*>(&sm90_fp8_gemm_1d2d_impl<
        cute::UMMA::Major::K,
        0, 1536, 2048,
        128,
        128, 144, 128,
        128, 128, 32,
        5,
        128, 256,
        1, false,
        132, GemmType::MGroupedContiguous,
        cutlass::bfloat16_t
    >);
};
