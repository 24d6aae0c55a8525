#ifdef WITH_CUDA
int cudaRuntimeGetVersion(int *version);
int version(int *version) { return cudaRuntimeGetVersion(version); }
#endif

void *PyInit__C(void) { return 0; }
