// Declares what DeepGEMM's host code uses of pybind11. derive registers no Python function and calls none.
#pragma once

#include <cstddef>
#include <stdexcept>

inline int Py_IsInitialized() { return 0; }
inline int PyGILState_Check() { return 0; }

namespace pybind11 {

struct gil_scoped_release {};

struct object {
  template <typename... T>
  object operator()(const T&...) const {
    throw std::logic_error("there is no Python here");
  }
  template <typename T>
  T cast() const {
    throw std::logic_error("there is no Python here");
  }
};

struct bytes {
  bytes(const char*, size_t) {}
};

struct arg {
  explicit arg(const char*) {}
  template <typename T>
  arg& operator=(const T&) {
    return *this;
  }
};

struct module_ {
  static module_ import(const char*) { return {}; }
  object attr(const char*) const { return {}; }
  template <typename... T>
  module_& def(const T&...) {
    return *this;
  }
};

}  // namespace pybind11

namespace py = pybind11;
