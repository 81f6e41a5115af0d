/*
 * The two files that prove what the wrapper did: started.json at the start,
 * record.json at the end. And what `hold` reads of the second.
 */
#ifndef KET_RECORD_H
#define KET_RECORD_H

#include <stdbool.h>
#include <stdint.h>

struct record {
    const char *nonce;
    const char *uid;
    const char *argv0;
    int64_t started_ms;
    int64_t ended_ms;
    int64_t duration_ms;
    int exit_code;
    int signal; /* 0: none */
    bool timed_out;
    const char *running; /* when its limit was over; NULL: not known */
    int term_received;      /* 0: none */
    const char *exec_error; /* NULL: none */
    int64_t oom_kills;      /* -1: not known, as with the next two */
    int64_t memory_peak_bytes;
    int64_t cpu_usec;
    int cgroup;
    int64_t stdout_bytes;
    int64_t stderr_bytes;
    int64_t console_bytes;
    int console_error; /* errno values, 0: none */
    int stdout_error;
    int stderr_error;
    int usage_error;
};

/*
 * Also takes space: for the record, which a full volume must not prevent, and
 * some more, given back at the end, without which a log that filled the volume
 * would leave no room for the manifest.
 */
bool record_begin(int state_dir, const struct record *r);
bool record_end(int state_dir, const struct record *r);

/* How the command ended, as far as a verdict needs it. */
struct record_end {
    int64_t exit_code;
    int64_t duration_ms;
    int64_t signal; /* 0: none */
    int64_t oom_kills; /* -1: not known */
    bool timed_out;
};

/* Whether a record of this pod is there, and what it says. */
bool record_read(int state_dir, const char *nonce, const char *uid, struct record_end *end);

#endif
