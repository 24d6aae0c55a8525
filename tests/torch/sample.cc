#include <cstdio>

extern "C" int sample_function(int value) { return std::puts("sample") + value; }
