// A module with a template of a class that is everybody's, which would be everybody's as well.
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
