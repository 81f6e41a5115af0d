/*
 * Samples the control group every second: to usage.ndjson, and for the record
 * the peak and the growth since the start.
 */
#ifndef KET_USAGE_H
#define KET_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "cgroup.h"

struct usage {
    struct cgroup group;
    struct cgroup_counters first;
    struct cgroup_counters last; /* -1 where it was never known */
    int64_t peak_bytes;
    int64_t started_ms; /* by the monotonic clock */
    int64_t next_ms;    /* when to sample again */
    int fd;             /* of usage.ndjson */
    int error;          /* errno why it is not written any more */
    int lines;
    int64_t every; /* a line for every n-th sample */
    int64_t samples;
};

void usage_begin(struct usage *u, int state_dir, const char *cgroup_root, int64_t now_ms);

/* Takes a sample if one is due. */
void usage_tick(struct usage *u, int64_t now_ms);

/* Takes the last sample; afterwards the two below are final. */
void usage_end(struct usage *u, int64_t now_ms);

int64_t usage_cpu_usec(const struct usage *u);  /* since the start, -1: not known */
int64_t usage_oom_kills(const struct usage *u); /* since the start, -1: not known */

#endif
