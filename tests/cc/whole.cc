// A Python module with a template of a visible class: GCC exports its instances, unless the module is a whole program.
#include <string>
#include <vector>

struct __attribute__((visibility("default"))) Item {
  std::string name;
};

extern "C" __attribute__((visibility("default"))) struct _object* PyInit_whole(void) {
  static std::vector<Item> items;
  items.push_back({"one"});
  return reinterpret_cast<struct _object*>(&items);
}
