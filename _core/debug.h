/* RELAY_DEBUG builds check the core's invariants as they go; in a release build RELAY_CHECK is a constant the compiler drops. */
#ifndef RELAY_DEBUG_H
#define RELAY_DEBUG_H
#include <stdio.h>
#include <stdlib.h>

#ifdef RELAY_DEBUG
#define RELAY_CHECK 1
#else
#define RELAY_CHECK 0
#endif

/* A broken invariant means memory cannot be trusted any more: stop here, where the cause is near. */
static inline void relay_broken(const char *what) {
    fprintf(stderr, "relay: broken invariant: %s\n", what);
    abort();
}

#define relay_prefetch(p) __builtin_prefetch(p)
#endif
