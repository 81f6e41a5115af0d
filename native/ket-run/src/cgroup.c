#include "cgroup.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base.h"

int64_t cgroup_number(const char *text)
{
    int64_t value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        int digit = *p - '0';
        if (value > (INT64_MAX - digit) / 10) {
            return -1;
        }
        value = value * 10 + digit;
    }
    return p == text ? -1 : value;
}

int64_t cgroup_field(const char *text, const char *key)
{
    size_t length = strlen(key);
    while (text != NULL) {
        if (strncmp(text, key, length) == 0 && text[length] == ' ') {
            return cgroup_number(text + length + 1);
        }
        text = strchr(text, '\n');
        text = text == NULL ? NULL : text + 1;
    }
    return -1;
}

static int open_beside(int root, const char *name)
{
    return openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void cgroup_open(struct cgroup *c, const char *root)
{
    *c = (struct cgroup){.version = 0, .memory = -1, .cpu = -1};
    int dir = open_folder(root);
    if (dir < 0) {
        return;
    }
    if (faccessat(dir, "cgroup.controllers", F_OK, 0) == 0) {
        c->version = 2;
        c->memory = dir;
        c->cpu = dir;
        return;
    }
    /* The accounting of version 1 is mounted under one of these names. */
    static const char *const cpu_names[] = {"cpuacct", "cpu,cpuacct", "cpu"};
    c->memory = open_beside(dir, "memory");
    for (size_t i = 0; i < 3 && c->cpu < 0; i++) {
        c->cpu = open_beside(dir, cpu_names[i]);
        if (c->cpu >= 0 && faccessat(c->cpu, "cpuacct.usage", F_OK, 0) != 0) {
            close(c->cpu);
            c->cpu = -1;
        }
    }
    c->version = c->memory >= 0 || c->cpu >= 0 ? 1 : 0;
    close(dir);
}

static int64_t read_number(int dir, const char *name)
{
    char text[64];
    return dir >= 0 && read_small_file(dir, name, text, sizeof text) > 0 ? cgroup_number(text) : -1;
}

static int64_t read_field(int dir, const char *name, const char *key)
{
    char text[4096];
    return dir >= 0 && read_small_file(dir, name, text, sizeof text) > 0 ? cgroup_field(text, key) : -1;
}

void cgroup_read(const struct cgroup *c, struct cgroup_counters *n)
{
    *n = (struct cgroup_counters){-1, -1, -1, -1};
    if (c->version == 2) {
        n->memory_bytes = read_number(c->memory, "memory.current");
        n->memory_peak_bytes = read_number(c->memory, "memory.peak");
        n->cpu_usec = read_field(c->cpu, "cpu.stat", "usage_usec");
        n->oom_kills = read_field(c->memory, "memory.events", "oom_kill");
    } else if (c->version == 1) {
        n->memory_bytes = read_number(c->memory, "memory.usage_in_bytes");
        n->memory_peak_bytes = read_number(c->memory, "memory.max_usage_in_bytes");
        n->oom_kills = read_field(c->memory, "memory.oom_control", "oom_kill");
        int64_t nanoseconds = read_number(c->cpu, "cpuacct.usage");
        n->cpu_usec = nanoseconds < 0 ? -1 : nanoseconds / 1000;
    }
}
