// A library as torch's are: with functions of its own, and with parts of a C++ library that it does not hide.
#include <cstddef>
#include <cstdio>
#include <functional>

namespace c10 {
struct Sample {};
}  // namespace c10

namespace std {
namespace filesystem {
void sample_part() {}
}  // namespace filesystem

template <>
struct hash<c10::Sample> {
  size_t operator()(const c10::Sample&) const;
};
size_t hash<c10::Sample>::operator()(const c10::Sample&) const { return 1; }
}  // namespace std

extern "C" int sample_function(int value) { return std::puts("sample") + value; }
