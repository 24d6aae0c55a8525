// A module with a template of a visible class: GCC exports its instances, unless the module is a whole program.
#include <Python.h>

#include <string>
#include <vector>

struct __attribute__((visibility("default"))) Item {
  std::string name;
};

PyMODINIT_FUNC PyInit_whole() {
  static std::vector<Item> items;
  items.push_back({"one"});
  static PyModuleDef definition = {PyModuleDef_HEAD_INIT, items.back().name.c_str(), nullptr, -1};
  return PyModule_Create(&definition);
}
