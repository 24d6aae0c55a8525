// Included ahead of a source that is compiled as a whole program, of which this function alone is everybody's.
// struct _object is Python's PyObject; its headers come later, after what the source defines for them.
#define MODULE_INIT_(name) PyInit_##name
#define MODULE_INIT(name) MODULE_INIT_(name)

#ifdef __cplusplus
extern "C"
#endif
__attribute__((externally_visible, visibility("default"))) struct _object *MODULE_INIT(TORCH_EXTENSION_NAME)(void);

#undef MODULE_INIT
#undef MODULE_INIT_
