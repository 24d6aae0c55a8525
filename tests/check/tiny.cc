// A small module like DeepGEMM's: pybind11, libstdc++, and code to compile at run time.
#include <pybind11/pybind11.h>

#include <sstream>
#include <string>

namespace py = pybind11;

PYBIND11_MODULE(_C, m) {
    m.def("source", [](const std::string& name) {
        std::ostringstream code;
        code << "#include <deep_gemm/impls/tiny.cuh>\n" << name;
        return code.str();
    });
}
