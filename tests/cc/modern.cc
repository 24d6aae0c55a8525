// Features of C++20 and C++23 whose library part is newer than the sysroot's libstdc++. A wrong answer is an exit code.

#include <atomic>
#include <barrier>
#include <charconv>
#include <chrono>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <format>
#include <future>
#include <iomanip>
#include <iostream>
#include <memory_resource>
#include <print>
#include <regex>
#include <span>
#include <spanstream>
#include <sstream>
#include <string>
#include <syncstream>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

std::string put_year() {
  std::time_t epoch = 0;
  std::ostringstream stream;
  stream << std::put_time(std::gmtime(&epoch), "%Y");
  return std::move(stream).str();
}

bool moved_through_threads() {
  std::atomic<int> sum{0};
  std::barrier barrier(2);
  std::jthread other([&](std::stop_token) { sum += 2; barrier.arrive_and_wait(); });
  barrier.arrive_and_wait();
  return sum + std::async(std::launch::async, [] { return 5; }).get() == 7;
}

bool caught() {
  try {
    throw std::system_error(std::make_error_code(std::errc::io_error));
  } catch (const std::exception& error) {
    return std::string(error.what()).find("error") != std::string::npos;
  }
}

}  // namespace

int main() {
  if (std::format("{:>8.3f}|{}|{:#x}", 3.14159, 1.5f, 255) != "   3.142|1.5|0xff") return 1;
  if (std::format("{:%F %p}", std::chrono::sys_days{std::chrono::year{2024} / 1 / 2}) != "2024-01-02 AM") return 2;
  double number = 0;
  const std::string text = "2.5";
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc() || number != 2.5) return 3;
  std::ispanstream stream{std::span<const char>(text)};
  if (!(stream >> number) || number != 2.5) return 4;
  if (put_year() != "1970") return 5;
  if (!moved_through_threads()) return 6;
  if (!caught()) return 7;
  std::pmr::synchronized_pool_resource pool;
  if (std::pmr::vector<int>({1, 2, 3}, &pool).size() != 3) return 8;
  if (!std::regex_match("abc", std::regex("a.c"))) return 9;
  if (!std::filesystem::exists(std::filesystem::path("/proc") / "self")) return 10;
  volatile double base = 2;
  if (std::pow(base, 10) != 1024) return 11;
  if (std::unordered_map<std::string, int>{{"a", 1}}.at("a") != 1) return 12;
  std::osyncstream(std::cout) << "synchronized\n";
  std::println("printed {}", 5);
  std::cout << "written" << std::endl;
}
