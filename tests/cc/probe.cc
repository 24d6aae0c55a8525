// A shared library that would need new symbol versions and contain paths of the machine, if the toolchain let it.

#include <cmath>
#include <filesystem>
#include <format>
#include <memory_resource>
#include <stdexcept>
#include <string>
#include <vector>

int answer();

extern "C" const char* probe_built() { return __FILE__ " " __DATE__ " " __TIME__; }

extern "C" double probe_number(double base) {
  std::pmr::vector<double> numbers({std::pow(base, 10), std::exp(base), static_cast<double>(answer())});
  if (std::filesystem::path(std::format("{}", base)).empty()) throw std::runtime_error(std::format("{:.3f}", base));
  return numbers.front();
}
