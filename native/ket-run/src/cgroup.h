/*
 * The counters of the container's own control group, version 1 or 2: memory,
 * processor time, processes killed for memory. Any of them may be missing.
 */
#ifndef KET_CGROUP_H
#define KET_CGROUP_H

#include <stdint.h>

struct cgroup {
    int version; /* 2, 1, or 0: none found */
    int memory;  /* folders of the counters, -1: none */
    int cpu;
};

/* -1: not known. */
struct cgroup_counters {
    int64_t memory_bytes;
    int64_t memory_peak_bytes;
    int64_t cpu_usec;
    int64_t oom_kills;
};

void cgroup_open(struct cgroup *c, const char *root);
void cgroup_read(const struct cgroup *c, struct cgroup_counters *counters);

/* The number that `text` begins with, or -1 ("max", nothing, too large). */
int64_t cgroup_number(const char *text);

/* The number behind `key` in lines of "key number", or -1. */
int64_t cgroup_field(const char *text, const char *key);

#endif
