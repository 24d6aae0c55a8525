// A program for -static with what a static libstdc++ takes from glibc: threads, exceptions, numbers, random numbers.
// A wrong answer is an exit code.

#include <condition_variable>
#include <iostream>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

int main() {
  std::mutex mutex;
  std::condition_variable changed;
  std::once_flag once;
  int calls = 0;
  bool ready = false;
  std::thread other([&] {
    std::call_once(once, [&] { ++calls; });
    std::lock_guard lock(mutex);
    ready = true;
    changed.notify_one();
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return ready; });
  }
  other.join();
  if (calls != 1) return 1;

  try {
    throw std::runtime_error("caught");
  } catch (const std::exception& error) {
    if (error.what() != std::string("caught")) return 2;
  }
  if (std::stoul("42") != 42) return 3;
  std::random_device random;
  if (random() == random() && random() == random()) return 4;
  std::cout << "static" << std::endl;
}
