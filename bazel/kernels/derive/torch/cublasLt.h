// The part of cuBLASLt that DeepGEMM's host code uses. Its functions do nothing: a product that cuBLASLt computes needs no
// kernel of DeepGEMM.
#pragma once

#include <library_types.h>

enum cublasStatus_t { CUBLAS_STATUS_SUCCESS };
enum cublasOperation_t { CUBLAS_OP_N, CUBLAS_OP_T };
enum cublasComputeType_t { CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_TF32 };
enum {
  CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
  CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
  CUBLASLT_MATMUL_MATRIX_SCALE_VEC16_UE4M3,
  CUBLASLT_MATMUL_DESC_TRANSA,
  CUBLASLT_MATMUL_DESC_TRANSB,
  CUBLASLT_MATMUL_DESC_SCALE_TYPE,
  CUBLASLT_MATMUL_DESC_A_SCALE_MODE,
  CUBLASLT_MATMUL_DESC_B_SCALE_MODE,
  CUBLASLT_MATMUL_DESC_A_SCALE_POINTER,
  CUBLASLT_MATMUL_DESC_B_SCALE_POINTER,
  CUBLASLT_MATMUL_DESC_SM_COUNT_TARGET,
  CUBLASLT_MATMUL_DESC_FAST_ACCUM,
  CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
  CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
  CUBLASLT_REDUCTION_SCHEME_NONE,
  CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE,
};

using cublasLtHandle_t = void*;
using cublasLtMatrixLayout_t = void*;
using cublasLtMatmulDesc_t = void*;
using cublasLtMatmulPreference_t = void*;
struct cublasLtMatmulHeuristicResult_t {
  int algo;
};

#define CUBLASLT_NO_OP(name)                 \
  template <typename... T>                   \
  cublasStatus_t name(const T&...) {         \
    return CUBLAS_STATUS_SUCCESS;            \
  }
CUBLASLT_NO_OP(cublasLtCreate)
CUBLASLT_NO_OP(cublasLtDestroy)
CUBLASLT_NO_OP(cublasLtMatrixLayoutCreate)
CUBLASLT_NO_OP(cublasLtMatrixLayoutSetAttribute)
CUBLASLT_NO_OP(cublasLtMatrixLayoutDestroy)
CUBLASLT_NO_OP(cublasLtMatmulDescCreate)
CUBLASLT_NO_OP(cublasLtMatmulDescSetAttribute)
CUBLASLT_NO_OP(cublasLtMatmulDescDestroy)
CUBLASLT_NO_OP(cublasLtMatmulPreferenceCreate)
CUBLASLT_NO_OP(cublasLtMatmulPreferenceSetAttribute)
CUBLASLT_NO_OP(cublasLtMatmulPreferenceDestroy)
CUBLASLT_NO_OP(cublasLtMatmulAlgoGetHeuristic)
CUBLASLT_NO_OP(cublasLtMatmul)
#undef CUBLASLT_NO_OP

inline const char* cublasGetStatusName(cublasStatus_t) { return "CUBLAS_STATUS_SUCCESS"; }
inline const char* cublasGetStatusString(cublasStatus_t) { return "success"; }
