// Finds kernels in the Python package that were compiled ahead of time. DeepJIT's patched runtime.hpp includes this header.
//
//   <package>/aot/compiler.txt            the output of `nvcc --version`, from the nvcc that compiled the kernels
//   <package>/aot/cache/<tag>.<key>/      one kernel: kernel.cubin and its source kernel.cu
//
// Environment variables, with DeepGEMM's prefix DG_:
//
//   DG_JIT_AOT=0              ignore the kernels of the package. Default: 1.
//   DG_JIT_AOT_REPORT=FILE    append a line of JSON to FILE for each kernel that the package lacks. Default: no report.
//                             `deepgemm_kernels(recorded = …)` accepts such a file.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <format>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include <deep_jit/runtime/config.hpp>
#include <deep_jit/utils/env.hpp>
#include <deep_jit/utils/filesystem.hpp>
#include <deep_jit/utils/hash.hpp>
#include <deep_jit/utils/json.hpp>

namespace deep_jit::aot {

class Kernels {
    std::filesystem::path root;
    std::string report_file;

public:
    // The hash of compiler.txt. The keys of the package's kernels contain it instead of the hash of the machine's nvcc.
    // No value: the package has no kernels, or DG_JIT_AOT=0.
    std::optional<std::string> compiler_hash;

    Kernels(const Config& config, const Env& env)
        : root(config.python_library_root / "aot"),
          report_file(env.get<std::string>("JIT_AOT_REPORT", "")) {
        const auto compiler = root / "compiler.txt";
        if (env.get<bool>("JIT_AOT", true) and std::filesystem::exists(compiler))
            compiler_hash = hash::get_hex_digest(read(compiler));
    }

    std::optional<std::filesystem::path> find(const std::string& tag, const std::string& key) const {
        auto path = root / "cache" / (tag + "." + key);
        if (compiler_hash and std::filesystem::exists(path / "kernel.cubin"))
            return path;
        return std::nullopt;
    }

    // Appends the line with a single write(2), so that lines of several processes do not interleave.
    void report(const std::string& tag, const std::string& flags, const std::string& source) const {
        if (report_file.empty())
            return;
        const auto line = json(json::object_t {{"tag", tag}, {"flags", flags}, {"source", source}}).dump() + "\n";
        const int file = ::open(report_file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        const auto written = file < 0 ? -1 : ::write(file, line.data(), line.size());
        const auto error = std::error_code(errno, std::generic_category());
        if (file >= 0)
            ::close(file);
        if (written != static_cast<ssize_t>(line.size()))
            throw std::runtime_error(std::format("DG_JIT_AOT_REPORT: cannot append to {}: {}; name a file that can be written",
                                                 report_file, error.message()));
    }

    // Reports the missing kernel. Returns the one-line error for a machine without a working nvcc.
    std::string missing(const std::string& tag, const std::string& flags, const std::string& source,
                        const std::exception& reason) const {
        report(tag, flags, source);
        const std::string why = reason.what();
        return std::format("DeepGEMM's kernel {} is not in {} and cannot be compiled here: {}. To ship it, run with "
                           "DG_JIT_AOT_REPORT=FILE and give FILE to deepgemm_kernels(recorded = …); to compile it, install "
                           "nvcc. It is {}",
                           tag, (root / "cache").string(), why.substr(0, why.find('\n')), instantiation(source));
    }

    // Returns the template that the source instantiates, on one line: "sm90_fp8_gemm_1d2d_impl<0, 2112, 7168, …>".
    static std::string instantiation(const std::string& source) {
        const auto begin = source.find("(&");
        const auto end = source.rfind(">)");
        if (begin == std::string::npos or end == std::string::npos or end < begin)
            return "a source of " + std::to_string(source.size()) + " bytes";
        std::string result;
        for (const char c: source.substr(begin + 2, end - begin - 1)) {
            if (not std::isspace(static_cast<unsigned char>(c)))
                result += c;
            else if (not result.empty() and result.back() == ',')
                result += ' ';
        }
        return result;
    }
};

}  // namespace deep_jit::aot
