/* What GCC 14's static libraries want of a newer glibc than the sysroot's 2.31.

Debian built libstdc++.a and libgcov.a against glibc 2.41, whose headers rename strtol and its kin for C23's binary
literals. Linked into libc.so's group (see gcc_tree.py), hidden, and only where something asks for it. */

#include <stdlib.h>

long __isoc23_strtol(const char *text, char **end, int base) { return strtol(text, end, base); }

unsigned long __isoc23_strtoul(const char *text, char **end, int base) { return strtoul(text, end, base); }

unsigned long long __isoc23_strtoull(const char *text, char **end, int base) { return strtoull(text, end, base); }

/* glibc 2.32 sets this while a process has one thread, to save atomic operations. "Several threads" is always right. */
char __libc_single_threaded = 0;
