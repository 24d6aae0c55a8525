/* Functions of a newer glibc than the sysroot's 2.31 that GCC 14's static libraries call.

Debian built libstdc++.a, libgcc_eh.a and libgcov.a against glibc 2.41. gcc_tree.py puts these functions beside libc
(libc.so's and libc.a's linker scripts). They are hidden, and ld links one only where something calls it. */

#define _GNU_SOURCE
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

/* glibc 2.38's headers rename strtol and its relatives for C23's binary literals. */
long __isoc23_strtol(const char *text, char **end, int base) { return strtol(text, end, base); }

unsigned long __isoc23_strtoul(const char *text, char **end, int base) { return strtoul(text, end, base); }

unsigned long long __isoc23_strtoull(const char *text, char **end, int base) { return strtoull(text, end, base); }

/* glibc 2.32 clears this once a process starts a thread, to save atomic operations. 0, "several", is always right. */
char __libc_single_threaded = 0;

/* glibc 2.36. std::random_device calls it. */
uint32_t arc4random(void) {
  uint32_t number;
  if (getrandom(&number, sizeof number, 0) != sizeof number) abort();
  return number;
}

/* glibc 2.35, <dlfcn.h>. libgcc's unwinder calls it for each frame. This one asks the older dl_iterate_phdr. */
struct dl_find_object {
  unsigned long long flags;
  void *map_start, *map_end;
  struct link_map *link_map;
  void *eh_frame;
  unsigned long long reserved[7];
};

struct search {
  uintptr_t address;
  struct dl_find_object *result;
};

static int contains(struct dl_phdr_info *object, size_t size, void *data) {
  struct search *search = data;
  struct dl_find_object found = {0};
  int is_inside = 0;
  (void)size;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    char *start = (char *)object->dlpi_addr + segment->p_vaddr, *end = start + segment->p_memsz;
    if (segment->p_type == PT_GNU_EH_FRAME) found.eh_frame = start;
    if (segment->p_type != PT_LOAD) continue;
    is_inside |= search->address - (uintptr_t)start < segment->p_memsz;
    if (!found.map_start || start < (char *)found.map_start) found.map_start = start;
    if (end > (char *)found.map_end) found.map_end = end;
  }
  if (!is_inside || !found.eh_frame) return 0;
  *search->result = found;
  return 1;
}

int _dl_find_object(void *address, struct dl_find_object *result) {
  struct search search = {(uintptr_t)address, result};
  return dl_iterate_phdr(contains, &search) ? 0 : -1;
}
