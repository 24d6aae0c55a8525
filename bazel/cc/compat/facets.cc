// Template instances that GCC 14's headers expect in the library and that the sysroot's libstdc++.so.6 lacks. In
// libstdc++.a they share a member with the facets' identities (locale::id). A process must not have a second copy of
// those, so that this file defines the instances without them.
//
// facets_cow.cc compiles this file again for the older ABI of std::string.

#include <locale>
#include <string>

namespace std {

#define FACET(...) template const __VA_ARGS__* __try_use_facet<__VA_ARGS__>(const locale&) noexcept

#define FACETS(Char)                                                                                        \
  FACET(collate<Char>);                                                                                     \
  FACET(messages<Char>);                                                                                    \
  FACET(money_get<Char>);                                                                                   \
  FACET(money_put<Char>);                                                                                   \
  FACET(moneypunct<Char, false>);                                                                           \
  FACET(moneypunct<Char, true>);                                                                            \
  FACET(numpunct<Char>);                                                                                    \
  FACET(time_get<Char>);                                                                                    \
  template time_get<Char>::iter_type time_get<Char>::_M_extract_via_format(                                 \
      iter_type, iter_type, ios_base&, ios_base::iostate&, tm*, const Char*, __time_get_state&) const

FACETS(char);
FACETS(wchar_t);

#if _GLIBCXX_USE_CXX11_ABI
// Instances that do not depend on the ABI of std::string.
#define COMMON_FACETS(Char)          \
  FACET(__timepunct<Char>);          \
  FACET(codecvt<Char, char, mbstate_t>); \
  FACET(ctype<Char>);                \
  FACET(num_get<Char>);              \
  FACET(num_put<Char>);              \
  FACET(time_put<Char>);             \
  template void __timepunct<Char>::_M_am_pm_format(const Char**) const

COMMON_FACETS(char);
COMMON_FACETS(wchar_t);
#else
#define STRING(Char)                                                                                 \
  template void basic_string<Char>::reserve();                                                       \
  template basic_string<Char>::basic_string(basic_string<Char>&&, const allocator<Char>&);           \
  template basic_string<Char>::basic_string(const basic_string<Char>&, const allocator<Char>&)

STRING(char);
STRING(wchar_t);
#endif

}  // namespace std
