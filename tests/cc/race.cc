// Two threads write one variable without synchronization.
#include <thread>

int shared = 0;

int main() {
  std::thread one([] { for (int i = 0; i < 100000; ++i) ++shared; });
  std::thread two([] { for (int i = 0; i < 100000; ++i) ++shared; });
  one.join();
  two.join();
}
