#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void say(const char *format, ...)
{
    char line[2048] = "ket-run: ";
    const size_t prefix = strlen(line);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line + prefix, sizeof line - prefix - 1, format, args);
    va_end(args);
    if (n < 0) {
        return;
    }
    size_t length = prefix + (size_t)n;
    if (length > sizeof line - 2) {
        length = sizeof line - 2; /* cut, but still one whole line */
    }
    line[length++] = '\n';
    /* There is nowhere to report a failure to report. */
    struct pollfd polled = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&polled, 1, 200) > 0) {
        (void)write_all(STDERR_FILENO, line, length);
    }
}

static int64_t read_clock(clockid_t clock)
{
    struct timespec t = {0};
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t now_unix_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t now_monotonic_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

bool write_all(int fd, const void *data, size_t length)
{
    const char *p = data;
    while (length > 0) {
        ssize_t n = write(fd, p, length);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            if (n == 0) {
                errno = EIO; /* no progress and no reason: never loop on it */
            }
            return false;
        }
        p += n;
        length -= (size_t)n;
    }
    return true;
}

ssize_t read_full(int fd, void *data, size_t length)
{
    char *p = data;
    size_t done = 0;
    while (done < length) {
        ssize_t n = read(fd, p + done, length - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        done += (size_t)n;
    }
    return (ssize_t)done;
}

ssize_t read_small_file(int dir, const char *name, char *buffer, size_t size)
{
    /* O_NONBLOCK: a fifo put in the place of the file must not hang us. */
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return -1;
    }
    ssize_t n = read_full(fd, buffer, size);
    int error = errno;
    close(fd);
    if (n < 0) {
        errno = error;
        return -1;
    }
    if ((size_t)n >= size) {
        errno = EFBIG;
        return -1;
    }
    buffer[n] = '\0';
    return n;
}

int open_folder(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/*
 * Temporary names begin with ".ket-", which the manifest skips, and hold the
 * process id: two drivers at once must not write into one file.
 */
static bool temporary_name(char *buffer, size_t size, const char *name)
{
    int n = snprintf(buffer, size, ".ket-%s.%ld", name, (long)getpid());
    return n > 0 && (size_t)n < size;
}

static bool finish(int dir, int fd, const char *temporary, const char *name, bool good)
{
    if (good) {
        good = fsync(fd) == 0;
    }
    int error = errno;
    if (close(fd) != 0 && good) {
        good = false;
        error = errno;
    }
    if (good && renameat(dir, temporary, dir, name) != 0) {
        good = false;
        error = errno;
    }
    if (!good) {
        (void)unlinkat(dir, temporary, 0);
        errno = error;
    }
    return good;
}

bool replace_file(int dir, const char *name, const void *data, size_t length)
{
    char temporary[128];
    if (!temporary_name(temporary, sizeof temporary, name)) {
        errno = ENAMETOOLONG;
        return false;
    }
    int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) {
        return false;
    }
    return finish(dir, fd, temporary, name, write_all(fd, data, length));
}

bool reserve_file(int dir, const char *name, size_t length)
{
    char temporary[128];
    if (!temporary_name(temporary, sizeof temporary, name)) {
        errno = ENAMETOOLONG;
        return false;
    }
    int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) {
        return false;
    }
    /* Written, not fallocate: not every file system of a volume knows that. */
    char blank[4096];
    memset(blank, ' ', sizeof blank);
    bool good = true;
    while (good && length > 0) {
        size_t n = length < sizeof blank ? length : sizeof blank;
        good = write_all(fd, blank, n);
        length -= n;
    }
    int error = errno;
    close(fd);
    if (!good) {
        (void)unlinkat(dir, temporary, 0);
    }
    errno = error;
    return good;
}

void release_reserved(int dir, const char *name)
{
    char temporary[128];
    if (temporary_name(temporary, sizeof temporary, name)) {
        (void)unlinkat(dir, temporary, 0);
    }
}

bool commit_reserved(int dir, const char *name, const void *data, size_t length)
{
    char temporary[128];
    if (!temporary_name(temporary, sizeof temporary, name)) {
        errno = ENAMETOOLONG;
        return false;
    }
    /* Not truncated first: that would give the reserved space away. */
    int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) {
        return false;
    }
    bool good = write_all(fd, data, length) && ftruncate(fd, (off_t)length) == 0;
    return finish(dir, fd, temporary, name, good);
}
