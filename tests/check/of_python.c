/* Registers operators with torch, by its stable ABI, and calls a function that CPython 3.13 no longer has. */

int aoti_torch_library_init_def(const char *name, const char *file, unsigned line, void **library);
int Py_SetStandardStreamEncoding(const char *encoding, const char *errors);

__attribute__((constructor)) static void registers(void) {
  void *library;
  if (Py_SetStandardStreamEncoding("utf-8", 0) == 0) aoti_torch_library_init_def("ops", "", 0, &library);
}
