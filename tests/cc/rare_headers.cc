// Includes headers that are inputs only of targets that depend on more_headers.

#include <ext/pb_ds/assoc_container.hpp>
#include <linux/can.h>

int main() {
  __gnu_pbds::tree<int, __gnu_pbds::null_type> numbers;
  numbers.insert(sizeof(can_frame));
  return numbers.size() == 1 ? 0 : 1;
}
