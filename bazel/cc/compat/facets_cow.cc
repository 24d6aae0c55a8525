// facets.cc for -D_GLIBCXX_USE_CXX11_ABI=0, the copy-on-write std::string of GCC 4.

#define _GLIBCXX_USE_CXX11_ABI 0
#include "facets.cc"
