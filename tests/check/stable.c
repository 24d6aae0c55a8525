// A module for the stable ABI of 3.11.
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

static PyMethodDef methods[] = {{NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "stable", NULL, 0, methods, NULL, NULL, NULL, NULL};

// PyType_GetName is in the stable ABI since 3.11.
PyObject *stable_name(PyObject *type) { return PyType_GetName((PyTypeObject *)type); }

PyMODINIT_FUNC PyInit_stable(void) { return PyModuleDef_Init(&definition); }
