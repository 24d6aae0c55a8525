// The part of torch that DeepGEMM's host code uses, with tensors that have a shape but no storage.
//
// DeepGEMM chooses a kernel by types, sizes and strides only. With these headers in place of torch's, DeepGEMM's functions
// run on any machine, without a GPU and without libtorch. Host code that uses another part of torch does not compile.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace c10 {

enum class ScalarType : int8_t { Byte, Char, Int, Float, BFloat16, Float8_e4m3fn, UInt32 };

inline size_t elementSize(ScalarType type) {
  switch (type) {
    case ScalarType::Byte:
    case ScalarType::Char:
    case ScalarType::Float8_e4m3fn:
      return 1;
    case ScalarType::BFloat16:
      return 2;
    default:
      return 4;
  }
}

inline const char* toString(ScalarType type) {
  static constexpr const char* names[] = {"Byte", "Char", "Int", "Float", "BFloat16", "Float8_e4m3fn", "UInt32"};
  return names[static_cast<int>(type)];
}

struct Device {};

// Sizes or strides. Unlike torch's class it owns its numbers, which is simpler; speed does not matter here.
struct IntArrayRef : std::vector<int64_t> {
  using std::vector<int64_t>::vector;
  IntArrayRef(const std::vector<int64_t>& values) : std::vector<int64_t>(values) {}
  IntArrayRef slice(size_t start) const { return IntArrayRef(begin() + start, end()); }
  IntArrayRef slice(size_t start, size_t count) const { return IntArrayRef(begin() + start, begin() + start + count); }
};

inline int64_t multiply_integers(const IntArrayRef& values) {
  return std::accumulate(values.begin(), values.end(), int64_t{1}, std::multiplies<>());
}

inline IntArrayRef contiguous_strides(const IntArrayRef& sizes) {
  IntArrayRef strides(sizes.size(), 1);
  for (size_t i = sizes.size(); i-- > 1;) strides[i - 1] = strides[i] * sizes[i];
  return strides;
}

struct TensorOptions {
  ScalarType type = ScalarType::Float;
  TensorOptions dtype(ScalarType other) const { return {other}; }
  TensorOptions device(Device) const { return *this; }
};

inline TensorOptions dtype(ScalarType type) { return {type}; }

}  // namespace c10

namespace at {

using c10::Device;
using c10::dtype;
using c10::IntArrayRef;
using c10::ScalarType;
using c10::TensorOptions;

namespace indexing {
struct Slice {
  int64_t start, stop;
};
}  // namespace indexing

class Tensor {
 public:
  Tensor() = default;
  Tensor(ScalarType type, IntArrayRef sizes) : Tensor(type, sizes, c10::contiguous_strides(sizes)) {}
  Tensor(ScalarType type, IntArrayRef sizes, IntArrayRef strides)
      : type_(type), sizes_(std::move(sizes)), strides_(std::move(strides)), address_(next()) {}

  bool defined() const { return address_ != 0; }
  bool is_cuda() const { return true; }
  ScalarType scalar_type() const { return type_; }
  TensorOptions options() const { return {type_}; }
  Device device() const { return {}; }
  size_t element_size() const { return c10::elementSize(type_); }
  int64_t dim() const { return static_cast<int64_t>(sizes_.size()); }
  const IntArrayRef& sizes() const { return sizes_; }
  const IntArrayRef& strides() const { return strides_; }
  int64_t size(int64_t i) const { return sizes_.at(i < 0 ? i + dim() : i); }
  int64_t stride(int64_t i) const { return strides_.at(i < 0 ? i + dim() : i); }
  int64_t numel() const { return c10::multiply_integers(sizes_); }
  size_t nbytes() const { return numel() * element_size(); }
  // As in torch, the stride of a dimension with one element is ignored.
  bool is_contiguous() const {
    const IntArrayRef expected = c10::contiguous_strides(sizes_);
    for (size_t i = 0; i < sizes_.size(); ++i) {
      if (sizes_[i] != 1 && strides_[i] != expected[i]) return false;
    }
    return true;
  }

  // A unique address with the alignment of an allocation. Nothing reads from it.
  template <typename T = void>
  T* data_ptr() const {
    return reinterpret_cast<T*>(address_);
  }

  Tensor unsqueeze(int64_t i) const {
    Tensor result = *this;
    result.sizes_.insert(result.sizes_.begin() + i, 1);
    result.strides_.insert(result.strides_.begin() + i, i < dim() ? size(i) * stride(i) : 1);
    return result;
  }
  Tensor squeeze(int64_t i) const {
    Tensor result = *this;
    if (size(i) != 1) return result;
    result.sizes_.erase(result.sizes_.begin() + i);
    result.strides_.erase(result.strides_.begin() + i);
    return result;
  }
  Tensor transpose(int64_t i, int64_t j) const {
    Tensor result = *this;
    std::swap(result.sizes_[i], result.sizes_[j]);
    std::swap(result.strides_[i], result.strides_[j]);
    return result;
  }
  Tensor slice(int64_t i, int64_t start, int64_t stop) const {
    Tensor result = *this;
    result.sizes_[i] = stop - start;
    return result;
  }
  Tensor index(std::initializer_list<indexing::Slice> slices) const {
    Tensor result = *this;
    int64_t i = 0;
    for (const auto& [start, stop] : slices) result = result.slice(i++, start, stop);
    return result;
  }
  Tensor index_select(int64_t i, const Tensor& rows) const {
    IntArrayRef sizes = sizes_;
    sizes[i < 0 ? i + dim() : i] = rows.numel();
    return Tensor(type_, sizes);
  }
  Tensor view(ScalarType type) const {
    Tensor result = *this;
    result.sizes_.back() = result.sizes_.back() * element_size() / c10::elementSize(type);
    result.strides_ = c10::contiguous_strides(result.sizes_);
    result.type_ = type;
    return result;
  }
  Tensor view(IntArrayRef sizes) const {
    int64_t known = 1;
    for (const int64_t size : sizes) known *= size == -1 ? 1 : size;
    for (int64_t& size : sizes) size = size == -1 ? numel() / known : size;
    return Tensor(type_, sizes);
  }
  Tensor view(int64_t size) const { return view(IntArrayRef{size}); }
  Tensor to(ScalarType type) const { return Tensor(type, sizes_); }
  Tensor bitwise_right_shift(int) const { return *this; }
  Tensor& floor_divide_(int64_t) { return *this; }
  const Tensor& copy_(const Tensor&) const { return *this; }
  const Tensor& zero_() const { return *this; }

 private:
  static uintptr_t next() {
    static uintptr_t address = 0;
    return address += 4096;
  }

  ScalarType type_ = ScalarType::Float;
  IntArrayRef sizes_, strides_;
  uintptr_t address_ = 0;
};

}  // namespace at

namespace torch {

using namespace at;

constexpr auto kByte = ScalarType::Byte, kUInt8 = kByte;
constexpr auto kChar = ScalarType::Char, kInt8 = kChar;
constexpr auto kInt = ScalarType::Int, kInt32 = kInt;
constexpr auto kFloat = ScalarType::Float, kFloat32 = kFloat;
constexpr auto kBFloat16 = ScalarType::BFloat16;
constexpr auto kFloat8_e4m3fn = ScalarType::Float8_e4m3fn;
constexpr auto kUInt32 = ScalarType::UInt32;

inline Tensor empty(IntArrayRef sizes, TensorOptions options) { return Tensor(options.type, sizes); }
inline Tensor zeros(IntArrayRef sizes, TensorOptions options) { return Tensor(options.type, sizes); }
inline Tensor arange(int64_t count, TensorOptions options) { return Tensor(options.type, {count}); }
inline Tensor empty_strided(IntArrayRef sizes, IntArrayRef strides, TensorOptions options) {
  return Tensor(options.type, sizes, strides);
}

}  // namespace torch

namespace c10::cuda {

// The only stream. DeepGEMM has tables keyed by streams, which need operator== and std::hash.
struct CUDAStream {
  cudaStream_t stream() const { return nullptr; }
  operator cudaStream_t() const { return nullptr; }
  Device device() const { return {}; }
  bool operator==(const CUDAStream&) const { return true; }
};

enum class CaptureStatus { None };
inline CaptureStatus currentStreamCaptureStatusMayInitCtx() { return CaptureStatus::None; }
inline CUDAStream getCurrentCUDAStream() { return {}; }
inline int current_device() { return 0; }

}  // namespace c10::cuda

template <>
struct std::hash<c10::cuda::CUDAStream> {
  size_t operator()(const c10::cuda::CUDAStream&) const { return 0; }
};

namespace at::cuda {

using c10::cuda::getCurrentCUDAStream;
inline cudaDataType ScalarTypeToCudaDataType(ScalarType) { throw std::logic_error("cuBLASLt compiles no kernel"); }

}  // namespace at::cuda
