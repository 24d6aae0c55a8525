#error "found the Python.h of a dependency; expected that of the CPython that the module is compiled for"
