#include "running.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base.h"

enum {
    STAT_SIZE = 1024,
    START_FIELD = 22, /* starttime in /proc/PID/stat (proc(5)) */
    NAME_END_FIELD = 2
};

/* Reads /proc/PID/NAME; of a command line that is longer, the beginning. */
static ssize_t read_of(int proc, const char *pid, const char *name, char *buffer, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", pid, name);
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    ssize_t n = read_full(fd, buffer, size - 1);
    close(fd);
    if (n >= 0) {
        buffer[n] = '\0';
    }
    return n;
}

/* In clock ticks since the boot; 0 when it cannot be told. */
static unsigned long long started_at(int proc, const char *pid)
{
    char stat[STAT_SIZE];
    if (read_of(proc, pid, "stat", stat, sizeof stat) <= 0) {
        return 0;
    }
    /* The second field is a name in brackets that may have any character. */
    const char *p = strrchr(stat, ')');
    for (int field = NAME_END_FIELD; p != NULL && field < START_FIELD; field++) {
        p = strchr(p + 1, ' ');
    }
    return p == NULL ? 0 : strtoull(p, NULL, 10);
}

bool newest_process(pid_t group, char *text, size_t size)
{
    const pid_t self = getpid();
    DIR *proc = opendir("/proc");
    if (proc == NULL) {
        return false;
    }
    unsigned long long latest = 0;
    long latest_pid = 0;
    const struct dirent *entry;
    while ((entry = readdir(proc)) != NULL) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (pid <= 0 || *end != '\0' || pid == (long)self || (self != 1 && getpgid((pid_t)pid) != group)) {
            continue;
        }
        unsigned long long at = started_at(dirfd(proc), entry->d_name);
        if (at < latest || (at == latest && pid < latest_pid)) {
            continue;
        }
        /* A process of the kernel and one that has ended have none. */
        char first[2];
        if (at == 0 || read_of(dirfd(proc), entry->d_name, "cmdline", first, sizeof first) <= 0) {
            continue;
        }
        latest = at;
        latest_pid = pid;
    }
    char name[24];
    snprintf(name, sizeof name, "%ld", latest_pid);
    ssize_t n = latest_pid == 0 ? -1 : read_of(dirfd(proc), name, "cmdline", text, size);
    closedir(proc);
    if (n <= 0) {
        return false;
    }
    for (ssize_t i = 0; i + 1 < n; i++) {
        if (text[i] == '\0') {
            text[i] = ' ';
        }
    }
    return true;
}
