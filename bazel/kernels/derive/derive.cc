// derive: lists every kernel that DeepGEMM compiles for the given layers. It needs no GPU.
//
//   derive --arch 9.0 --num-sms 132 --max-m 8192 --max-grouped-m 65536 --out FILE fp8_dense:2112x7168 …
//
// FILE gets one line of JSON for each kernel: its tag, nvcc's flags, its source, and one product that needs it. DeepGEMM's
// own functions choose the kernels. Their arguments are tensors that have a shape but no storage (torch/tensor.h).

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "src/csrc/apis/gemm.hpp"

#include <deep_jit/utils/json.hpp>

namespace {

cudaDeviceProp properties{};

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "derive: %s\n", message.c_str());
  std::exit(1);
}

// Parses all of `text` as a positive number. Exits with an error that names `what` otherwise.
int number(std::string_view text, const std::string& what) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value <= 0) {
    fail(what + " is '" + std::string(text) + "'; expected a positive number");
  }
  return value;
}

struct Layer {
  std::string kind, name;
  int groups, n, k;
};

// Parses "fp8_dense:NxK" or "fp8_contiguous:GROUPSxNxK".
Layer parse(const std::string& text) {
  const auto colon = text.find(':');
  Layer layer{text.substr(0, colon), text, 1, 0, 0};
  std::vector<int> numbers;
  for (size_t begin = colon + 1; colon != std::string::npos && begin <= text.size();) {
    const auto end = std::min(text.find('x', begin), text.size());
    numbers.push_back(number(std::string_view(text).substr(begin, end - begin), "a size in " + text));
    begin = end + 1;
  }
  const bool dense = layer.kind == "fp8_dense" || layer.kind == "bf16_dense";
  if (numbers.size() != (dense ? 2 : 3)) {
    fail("layer '" + text + "'; expected fp8_dense:NxK, bf16_dense:NxK, or KIND:GROUPSxNxK with a grouped kind");
  }
  if (!dense) layer.groups = numbers[0];
  layer.n = numbers[numbers.size() - 2];
  layer.k = numbers.back();
  return layer;
}

using Scaled = std::pair<torch::Tensor, torch::Tensor>;
constexpr auto kFP8 = torch::kFloat8_e4m3fn;

// An FP8 tensor and its float32 scales: one scale for each block of `rows` rows by 128 columns, as in DeepSeek's checkpoints.
Scaled scaled(torch::IntArrayRef sizes, int rows) {
  torch::IntArrayRef scales = sizes;
  scales.back() = deep_gemm::ceil_div<int64_t>(sizes.back(), 128);
  scales[scales.size() - 2] = deep_gemm::ceil_div<int64_t>(sizes[sizes.size() - 2], rows);
  return {torch::Tensor(kFP8, sizes), torch::Tensor(torch::kFloat, scales)};
}

// Calls the DeepGEMM function that an application calls for this layer.
// m: the number of all rows (dense, contiguous), or of the rows of each group (masked). expected_m: for masked products.
void product(const Layer& layer, int m, int expected_m) {
  using torch::Tensor;
  namespace gemm = deep_gemm::gemm;
  const int g = layer.groups, n = layer.n, k = layer.k;
  const auto bf16 = torch::kBFloat16;
  const Tensor d(bf16, {m, n}), rows(torch::kInt, {m}), sizes(torch::kInt, {g});
  if (layer.kind == "fp8_dense") {
    gemm::fp8_fp4_gemm_nt(scaled({m, k}, 1), scaled({n, k}, 128), d, {}, {}, {}, {}, "nk", false, {}, nullptr);
  } else if (layer.kind == "fp8_contiguous") {
    gemm::m_grouped_fp8_fp4_gemm_nt_contiguous(scaled({m, k}, 1), scaled({g, n, k}, 128), d, rows, {}, {}, {}, "nk",
                                               false, false, true, {}, nullptr);
  } else if (layer.kind == "fp8_masked") {
    gemm::m_grouped_fp8_fp4_gemm_nt_masked(scaled({g, m, k}, 1), scaled({g, n, k}, 128), Tensor(bf16, {g, m, n}), sizes,
                                           expected_m, {}, {}, {}, "nk", false, nullptr);
  } else if (layer.kind == "bf16_dense") {
    gemm::bf16_gemm_nt(Tensor(bf16, {m, k}), Tensor(bf16, {n, k}), d, {}, "nk", {}, nullptr);
  } else if (layer.kind == "bf16_contiguous") {
    gemm::m_grouped_bf16_gemm_nt_contiguous(Tensor(bf16, {m, k}), Tensor(bf16, {g, n, k}), d, rows, "nk", false, true, {},
                                            nullptr);
  } else if (layer.kind == "bf16_masked") {
    gemm::m_grouped_bf16_gemm_nt_masked(Tensor(bf16, {g, m, k}), Tensor(bf16, {g, n, k}), Tensor(bf16, {g, m, n}), sizes,
                                        expected_m, "nk", nullptr);
  } else {
    fail("layer '" + layer.name + "'; expected one of {fp8,bf16}_{dense,contiguous,masked}");
  }
}

}  // namespace

// Replaces the functions of the CUDA runtime through which DeepJIT queries the device. The only device is `properties`.
extern "C" {
cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
cudaError_t cudaFree(void*) { return cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* to, int) { return *to = properties, cudaSuccess; }
cudaError_t cudaDeviceGetAttribute(int*, cudaDeviceAttr, int) { return cudaErrorNotSupported; }
cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
const char* cudaGetErrorName(cudaError_t) { return "cudaError"; }
const char* cudaGetErrorString(cudaError_t) { return "no GPU here"; }
}

int main(int argc, char** argv) {
  std::string arch, out;
  int max_m = 0, max_grouped_m = 0;
  std::vector<Layer> layers;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (!name.starts_with("--")) {
      layers.push_back(parse(name));
    } else if (++i == argc) {
      fail(name + " has no value");
    } else if (name == "--arch") {
      arch = argv[i];
    } else if (name == "--out") {
      out = argv[i];
    } else if (name == "--num-sms") {
      properties.multiProcessorCount = number(argv[i], name);
    } else if (name == "--max-m") {
      max_m = number(argv[i], name);
    } else if (name == "--max-grouped-m") {
      max_grouped_m = number(argv[i], name);
    } else {
      fail("found " + name + "; expected --arch, --num-sms, --max-m, --max-grouped-m, --out and layers");
    }
  }
  if (arch != "9.0" && arch != "10.0" && arch != "10.3") {
    fail("--arch is '" + arch + "'; expected the compute capability 9.0, 10.0 or 10.3");
  }
  properties.major = arch[0] == '9' ? 9 : 10;
  properties.minor = arch.back() - '0';
  if (!properties.multiProcessorCount || !max_m || !max_grouped_m || out.empty() || layers.empty()) {
    fail("expected --num-sms, --max-m, --max-grouped-m, --out and at least one layer");
  }
  // DeepJIT reads variables such as DG_JIT_WITH_LINEINFO, which change nvcc's flags. Ignore the machine's environment.
  clearenv();

  using deep_jit::json;
  std::map<std::tuple<std::string, std::string, std::string>, json> kernels;
  json::object_t call;
  deep_jit::on_compile = [&](const std::string& tag, const std::string& flags, const std::string& source) {
    kernels.try_emplace({tag, flags, source}, call);
  };
  try {
    deep_gemm::init_jit("/package");
    // Without this, DeepGEMM passes dense BF16 products to cuBLASLt and compiles no kernel for them.
    deep_gemm::heuristics_runtime->use_deterministic_algorithms(true);
    const int alignment = deep_gemm::HeuristicsRuntime::get_theoretical_mk_alignment_for_contiguous_layout({});
    deep_gemm::heuristics_runtime->set_mk_alignment_for_contiguous_layout(alignment);
    for (const Layer& layer : layers) {
      const bool contiguous = layer.kind.ends_with("_contiguous"), masked = layer.kind.ends_with("_masked");
      const int step = contiguous ? alignment : 1;
      for (int m = step; m <= (contiguous ? max_grouped_m : max_m); m += step) {
        // A masked product has room for max_m rows in each group, and its caller passes how many it expects.
        const int rows = masked ? deep_gemm::align(max_m, 128) : m;
        call = {{"kind", layer.kind}, {"groups", layer.groups}, {"m", rows}, {"n", layer.n}, {"k", layer.k}};
        if (masked) call.emplace_back("expected_m", m);
        product(layer, rows, m);
      }
    }
  } catch (const std::exception& error) {
    const std::string text = error.what();
    fail(text.substr(0, text.find('\n')));
  }
  std::ofstream file(out, std::ios::binary);
  for (const auto& [kernel, call] : kernels) {
    const auto& [tag, flags, source] = kernel;
    file << json(json::object_t{{"tag", tag}, {"flags", flags}, {"source", source}, {"call", call}}).dump() << '\n';
  }
  file.close();
  if (!file) fail("cannot write " + out);
}
