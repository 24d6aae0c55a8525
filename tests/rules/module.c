#ifdef WITH_CUDA
int cudaRuntimeGetVersion(int *version);
int version(int *version) { return cudaRuntimeGetVersion(version); }
#endif

#ifdef WITH_TORCH
/* at::there() and at::gone() */
void _ZN2at5thereEv(void);
void _ZN2at4goneEv(void);
__attribute__((weak)) void _ZN2at5maybeEv(void);
void call(void) {
  _ZN2at5thereEv();
  _ZN2at4goneEv();
  if (_ZN2at5maybeEv) _ZN2at5maybeEv();
}
#endif

#ifdef WITH_PYTHON
void *PyList_New(long);
void *list(void) { return PyList_New(0); }
#else
void *PyInit__C(void) { return 0; }
#endif
