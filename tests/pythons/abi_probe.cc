// An extension that says which CPython's headers it was compiled with. It needs libstdc++, as every extension on torch.
#include <Python.h>

#include <stdexcept>
#include <string>

namespace {

PyObject* VersionHex(PyObject*, PyObject*) {
  try {
    throw std::runtime_error(std::to_string(PY_VERSION_HEX));
  } catch (const std::exception& error) {
    return PyLong_FromString(error.what(), nullptr, 10);
  }
}

PyMethodDef methods[] = {
    {"version_hex", VersionHex, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef module = {PyModuleDef_HEAD_INIT, "abi_probe", nullptr, -1, methods, nullptr, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit_abi_probe() { return PyModule_Create(&module); }
