// Defines functions that code compiled with GCC 14 calls and that the sysroot's libstdc++.so.6 lacks. libstdc++.a defines
// them in members that also have state (the standard streams, the handlers). A process must not have a second copy of that
// state, so a library cannot link those members statically.

#include <cstdlib>
#include <exception>
#include <ios>

namespace std {

// <iostream> of GCC 13 and newer refers to this function; that of GCC 12 and older defines an ios_base::Init in each source.
// libstdc++.so counts these objects. The first one initializes std::cout and the other streams in an old libstdc++.so; a
// new libstdc++.so initializes them itself.
void ios_base_library_init() {}

#pragma GCC diagnostic ignored "-Wprio-ctor-dtor"
static ios_base::Init init __attribute__((init_priority(90)));

}  // namespace std

namespace __cxxabiv1 {

// A copy of the function in libsupc++'s eh_terminate.cc, without the process's terminate handler that is defined there.
[[noreturn]] void __terminate(std::terminate_handler handler) noexcept {
  try {
    handler();
    std::abort();
  } catch (...) {
    std::abort();
  }
}

}  // namespace __cxxabiv1
