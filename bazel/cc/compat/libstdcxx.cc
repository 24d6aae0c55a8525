// What code compiled with GCC 14 wants of a newer libstdc++ than the sysroot's, and must not take from libstdc++.a:
// the archive's members for it hold state (the standard streams, the handlers), of which a process may have only one.

#include <cstdlib>
#include <exception>
#include <ios>

namespace std {

// Since GCC 13 <iostream> asks for this instead of defining an ios_base::Init of its own, as GCC 12's and older did.
// libstdc++.so counts these objects: with an old one this sets up std::cout and the others, with a new one nothing.
void ios_base_library_init() {}

#pragma GCC diagnostic ignored "-Wprio-ctor-dtor"
static ios_base::Init init __attribute__((init_priority(90)));

}  // namespace std

namespace __cxxabiv1 {

// As libsupc++'s eh_terminate.cc, which has the process's terminate handler beside it.
[[noreturn]] void __terminate(std::terminate_handler handler) noexcept {
  try {
    handler();
    std::abort();
  } catch (...) {
    std::abort();
  }
}

}  // namespace __cxxabiv1
