// Replaces DeepJIT's header of this name. This runtime passes each kernel to `on_compile` and launches nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <deep_jit/runtime/config.hpp>
#include <deep_jit/utils/env.hpp>
#include <deep_jit/utils/gil.hpp>
#include <deep_jit/utils/lazy.hpp>
#include <deep_jit/utils/str.hpp>

namespace deep_jit {

// The runtime calls this function with the tag, nvcc's flags and the source of each kernel.
inline std::function<void(const std::string&, const std::string&, const std::string&)> on_compile;

template <typename Backend>
class Runtime {
 public:
  using Device = Backend::Device;
  using Kernel = Backend::Kernel;
  using CompilerOptions = Backend::CompilerOptions;
  using LaunchOptions = Backend::LaunchOptions;

  Config config;
  Env env;
  Device device;
  CompilerOptions default_compiler_options;
  LaunchOptions default_launch_options;

  explicit Runtime(Config config)
      : config(std::move(config)),
        env(this->config.env_prefix),
        default_compiler_options(CompilerOptions::default_options(env, device)),
        default_launch_options(LaunchOptions::default_options(env)) {}

  std::shared_ptr<Kernel> compile(const std::string& name, const std::string& source, const CompilerOptions& options = {}) {
    on_compile(name, str::join(default_compiler_options.override_with(options).get_flags()), source);
    return nullptr;
  }

  template <typename... Args>
  void launch(const std::shared_ptr<Kernel>&, const LaunchOptions&, const Args&...) {}
};

}  // namespace deep_jit
