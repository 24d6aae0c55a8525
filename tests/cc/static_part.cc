// Calls one function of libstdc++: one that the sysroot's shared library does not have, and the static part does.

#include <charconv>

int main() {
  char text[8];
  return std::to_chars(text, text + sizeof text, 1.5).ptr == text + 3 ? 0 : 1;
}
