#include "usage.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base.h"
#include "json_write.h"

enum {
    PERIOD_MS = 1000,
    LINES_PER_RATE = 10000 /* then half as often, so that the file stays small */
};

static void keep_known(int64_t *last, int64_t now)
{
    if (now >= 0) {
        *last = now;
    }
}

static void read_counters(struct usage *u)
{
    struct cgroup_counters now;
    cgroup_read(&u->group, &now);
    keep_known(&u->last.memory_bytes, now.memory_bytes);
    keep_known(&u->last.cpu_usec, now.cpu_usec);
    keep_known(&u->last.oom_kills, now.oom_kills);
    /* Kernels before 5.19 keep no peak in version 2: then the highest seen. */
    int64_t peak = now.memory_peak_bytes >= 0 ? now.memory_peak_bytes : now.memory_bytes;
    if (peak > u->peak_bytes) {
        u->peak_bytes = peak;
    }
}

static void write_line(struct usage *u, int64_t now_ms)
{
    if (u->fd < 0 || u->error != 0 || u->samples % u->every != 0) {
        return;
    }
    char line[256];
    struct json j;
    json_begin(&j, line, sizeof line);
    json_number(&j, "ms", now_ms - u->started_ms);
    json_number_or_null(&j, "memory_bytes", u->last.memory_bytes >= 0, u->last.memory_bytes);
    json_number_or_null(&j, "memory_peak_bytes", u->peak_bytes >= 0, u->peak_bytes);
    json_number_or_null(&j, "cpu_usec", usage_cpu_usec(u) >= 0, usage_cpu_usec(u));
    json_number_or_null(&j, "oom_kills", usage_oom_kills(u) >= 0, usage_oom_kills(u));
    json_end(&j);
    if (!write_all(u->fd, line, j.length)) {
        u->error = errno;
    }
    if (++u->lines == LINES_PER_RATE) {
        u->lines = 0;
        u->every *= 2;
    }
}

void usage_begin(struct usage *u, int state_dir, const char *cgroup_root, int64_t now_ms)
{
    const struct cgroup_counters unknown = {-1, -1, -1, -1};
    *u = (struct usage){.first = unknown, .last = unknown, .peak_bytes = -1, .every = 1};
    u->started_ms = now_ms;
    u->next_ms = now_ms + PERIOD_MS;
    cgroup_open(&u->group, cgroup_root);
    if (u->group.version != 0) {
        cgroup_read(&u->group, &u->first);
        read_counters(u);
    }
    u->fd = openat(state_dir, "usage.ndjson", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
    u->error = u->fd < 0 ? errno : 0;
}

void usage_tick(struct usage *u, int64_t now_ms)
{
    if (now_ms < u->next_ms) {
        return;
    }
    u->next_ms = now_ms + PERIOD_MS;
    if (u->group.version != 0) {
        read_counters(u);
        write_line(u, now_ms);
        u->samples++;
    }
}

void usage_end(struct usage *u, int64_t now_ms)
{
    u->next_ms = now_ms;
    usage_tick(u, now_ms);
    if (u->fd >= 0) {
        close(u->fd);
        u->fd = -1;
    }
}

static int64_t growth(int64_t first, int64_t last)
{
    return first < 0 || last < first ? -1 : last - first;
}

int64_t usage_cpu_usec(const struct usage *u)
{
    return growth(u->first.cpu_usec, u->last.cpu_usec);
}

int64_t usage_oom_kills(const struct usage *u)
{
    return growth(u->first.oom_kills, u->last.oom_kills);
}
