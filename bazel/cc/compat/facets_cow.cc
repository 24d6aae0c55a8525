// facets.cc for -D_GLIBCXX_USE_CXX11_ABI=0, std::string as GCC 4 had it.

#define _GLIBCXX_USE_CXX11_ABI 0
#include "facets.cc"
