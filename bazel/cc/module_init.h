// The feature `whole_program` includes this header ahead of each source. -fwhole-program makes every function of a source
// local to it; this declaration keeps one visible: the initialization of the Python module TORCH_EXTENSION_NAME.
// A source that is compiled without TORCH_EXTENSION_NAME, such as a program's, keeps `main`.

#ifdef TORCH_EXTENSION_NAME
#define MODULE_INIT_(name) PyInit_##name
#define MODULE_INIT(name) MODULE_INIT_(name)

#ifdef __cplusplus
extern "C"
#endif
// struct _object is Python's PyObject. Python.h itself must come later: a source may define macros for it.
__attribute__((externally_visible, visibility("default"))) struct _object *MODULE_INIT(TORCH_EXTENSION_NAME)(void);

#undef MODULE_INIT
#undef MODULE_INIT_
#endif
