// Finds kernels in the Python package that were compiled ahead of time. DeepJIT's patched runtime.hpp includes this header.
//
//   <package>/aot/compiler.txt     the output of `nvcc --version`, from the nvcc that compiled the kernels
//   <package>/aot/kernels.lz       the kernels; tools/wheel/wheel_tools/kernel_pack.py describes the format
//
// Environment variables, with DeepGEMM's prefix DG_:
//
//   DG_JIT_AOT=0              ignore the kernels of the package. Default: 1.
//   DG_JIT_AOT_REPORT=FILE    append a line of JSON to FILE for each kernel that the package lacks. Default: no report.
//                             `deepgemm_kernels(recorded = …)` accepts such a file.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <format>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>

#include <deep_jit/runtime/config.hpp>
#include <deep_jit/utils/env.hpp>
#include <deep_jit/utils/filesystem.hpp>
#include <deep_jit/utils/hash.hpp>
#include <deep_jit/utils/json.hpp>

namespace deep_jit::aot {

// A kernel in a temporary directory of its own, from which DeepJIT loads it.
struct Unpacked {
    std::filesystem::path path;

    Unpacked(const std::string& name, const std::string_view cubin) {
        auto directory = get_env<std::string>("TMPDIR", "/tmp") + "/deep_gemm_aot.XXXXXX";
        if (::mkdtemp(directory.data()) != nullptr)
            ::mkdir((directory + "/" + name).c_str(), 0700);
        path = directory + "/" + name;
        std::ofstream file(path / "kernel.cubin", std::ios::binary);
        file.write(cubin.data(), static_cast<std::streamsize>(cubin.size()));
        file.close();
        if (not file) {
            const auto error = std::error_code(errno, std::generic_category());
            safe_remove_all(directory);
            throw std::runtime_error(std::format("DeepGEMM cannot unpack a kernel to {}: {}; set TMPDIR to a directory with "
                                                 "room for it", path.string(), error.message()));
        }
    }

    ~Unpacked() { safe_remove_all(path.parent_path()); }
    Unpacked(const Unpacked&) = delete;
    Unpacked& operator=(const Unpacked&) = delete;
};

// Returns the bytes that kernel_pack.py packed. Throws std::exception if it did not.
inline std::string unpack(const std::string_view packed) {
    const auto number = [&](const size_t at) {
        uint32_t value = 0;
        packed.substr(at).copy(reinterpret_cast<char*>(&value), sizeof(value));
        return value;
    };
    std::string data;
    const size_t end = 4 + number(0);
    auto literal = end;
    for (size_t at = 4; at < end; at += 12) {
        data.append(packed.substr(literal, number(at)));
        literal += number(at);
        data.append(data, data.size() - number(at + 8), number(at + 4));
    }
    return data.append(packed.substr(literal));
}

class Kernels {
    std::filesystem::path root;
    std::string report_file;
    std::string data;
    std::unordered_map<std::string, std::string_view> cubins;

    // Fills `data` and `cubins` at the first use.
    void unpack_all() {
        const auto path = root / "kernels.lz";
        try {
            data = unpack(read(path));
            for (size_t begin = 0; begin < data.size();) {
                const auto line = data.find('\n', begin), blank = data.find(' ', begin);
                const auto size = std::stoul(data.substr(blank + 1, line - blank - 1));
                cubins[data.substr(begin, blank - begin)] = std::string_view(data).substr(line + 1, size);
                begin = line + 1 + size;
                if (begin > data.size())
                    throw std::out_of_range("its end");
            }
        } catch (const std::exception& error) {
            data.clear();
            throw std::runtime_error(std::format("{} is no file of kernels, or not all of one ({}); install the wheel again",
                                                 path.string(), error.what()));
        }
    }

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

    // Returns the kernel, or nothing if the package lacks it.
    std::unique_ptr<Unpacked> find(const std::string& tag, const std::string& key) {
        if (not compiler_hash)
            return nullptr;
        if (data.empty())
            unpack_all();
        const auto name = tag + "." + key;
        const auto found = cubins.find(name);
        return found == cubins.end() ? nullptr : std::make_unique<Unpacked>(name, found->second);
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
                           tag, root.string(), why.substr(0, why.find('\n')), instantiation(source));
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
