#include <Python.h>
#include <torch/torch.h>

#include "tests/rules/everyday/squares.h"

#ifdef PYBIND11_VERSION_MAJOR
#error torch/torch.h brought pybind11 in
#endif

namespace {

PyObject* norm(PyObject*, PyObject* arguments) {
  double x, y;
  if (!PyArg_ParseTuple(arguments, "dd", &x, &y)) return nullptr;
  return PyFloat_FromDouble(sum_of_squares(torch::tensor({x, y}, torch::kFloat64)).sqrt().item<double>());
}

PyMethodDef methods[] = {{"norm", norm, METH_VARARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};
PyModuleDef module = {PyModuleDef_HEAD_INIT, "_stable", nullptr, 0, methods};

}  // namespace

PyMODINIT_FUNC PyInit__stable() { return PyModule_Create(&module); }
