// jit_probe PACKAGE TAG SOURCE: runs DeepJIT's runtime with the CUDA backend's options, but without its compiler and a GPU.
//
// The tests compile this program twice: with DeepJIT's own runtime.hpp, and with the patched one that finds kernels in the
// package. It prints the number of SMs, then the kernel and the directory from which it was loaded, or the error.
// MOCK_NVCC names a file with the output of nvcc --version. Without the variable, the machine has no nvcc.

#include <cuda_runtime.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

#include <deep_jit/backend/cuda/options.hpp>
#include <deep_jit/runtime/runtime.hpp>
#include <deep_jit/utils/command.hpp>

extern "C" {
cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
cudaError_t cudaFree(void*) { return cudaSuccess; }
cudaError_t cudaDeviceGetAttribute(int*, cudaDeviceAttr, int) { return cudaErrorNotSupported; }
const char* cudaGetErrorName(cudaError_t) { return ""; }
const char* cudaGetErrorString(cudaError_t) { return ""; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  properties->major = 9;
  properties->multiProcessorCount = 132;
  return cudaSuccess;
}
}

namespace {

struct Backend {
  using Device = deep_jit::cuda::Device;
  using CompilerOptions = deep_jit::cuda::CompilerOptions;
  using LaunchOptions = deep_jit::cuda::LaunchOptions;
  struct Kernel {
    std::filesystem::path path;
    std::string cubin;
  };
  struct CompilerInfo {
    std::string version;
    std::string get_hash() const { return deep_jit::hash::get_hex_digest(version); }
  } compiler_info;

  explicit Backend(const deep_jit::Env&) {
    const auto text = deep_jit::get_env<std::string>("MOCK_NVCC");
    DJ_HOST_ASSERT(not text.empty(), "there is no nvcc");
    compiler_info.version = deep_jit::read(text);
  }

  void compile(const std::string& source, const std::filesystem::path& dir, const deep_jit::Env&, const deep_jit::Config&,
               const CompilerOptions&) const {
    deep_jit::write_file_sync(dir / "kernel.cu", source);
    deep_jit::write_file_sync(dir / "kernel.cubin", "compiled here");
  }

  static std::shared_ptr<Kernel> load(const std::filesystem::path& dir, const deep_jit::Env&) {
    return std::make_shared<Kernel>(dir, deep_jit::read(dir / "kernel.cubin"));
  }
};

}  // namespace

int main(int, char** argv) {
  const std::filesystem::path package = argv[1];
  // The same arguments as in DeepGEMM's csrc/runtime/jit.hpp.
  const deep_jit::Config config(package, "DG", "cutlass-421", {package / "include"}, {"deep_gemm/"});
  try {
    deep_jit::Runtime<Backend> runtime(config);
    auto& flags = *runtime.default_compiler_options.nvcc_flags;
    flags.emplace_back("--diag-suppress=39,161,174,177,186,940");
    flags.emplace_back("--compiler-options=-Wno-deprecated-declarations,-Wno-abi");
    std::cout << "sms " << runtime.device.get_num_sms() << std::endl;
    const auto kernel = runtime.compile(argv[2], deep_jit::read(argv[3]));
    // The second call must find the kernel in memory.
    if (runtime.compile(argv[2], deep_jit::read(argv[3])) != kernel) return 3;
    std::cout << "cubin " << kernel->cubin << std::endl;
    std::cout << "kernel " << kernel->path.string() << std::endl;
  } catch (const std::exception& error) {
    const std::string text = error.what();
    std::cout << "error " << text.substr(0, text.find('\n')) << std::endl;
  }
}
