// A module without any binding library: nothing in it says for which Python it was compiled.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *pair(PyObject *self, PyObject *item) {
    (void)self;
    PyObject *result = PyList_New(0);
    if (result && (PyList_Append(result, item) || PyList_Append(result, item))) {
        Py_DECREF(result);
        return NULL;
    }
    return result;
}

static PyMethodDef methods[] = {{"pair", pair, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "plain", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_plain(void) { return PyModule_Create(&definition); }
