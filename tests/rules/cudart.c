int cudaRuntimeGetVersion(int *version) {
  *version = 12080;
  return 0;
}
