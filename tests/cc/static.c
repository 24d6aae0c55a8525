/* A C program for -static: a cancelled thread, for which libpthread calls libgcc's unwinder. */

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *wait_for_ever(void *unused) {
  (void)unused;
  for (;;) pause();
}

int main(void) {
  pthread_t thread;
  void *result = NULL;
  if (pthread_create(&thread, NULL, wait_for_ever, NULL)) return 1;
  if (pthread_cancel(thread) || pthread_join(thread, &result) || result != PTHREAD_CANCELED) return 2;
  puts("static");
  return 0;
}
