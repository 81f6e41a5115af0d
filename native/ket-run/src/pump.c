#include "pump.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A pipe that polls as writable takes at least a page without blocking. The
 * sink's own O_NONBLOCK is not ours to set: others share its description.
 */
enum { SAFE_WRITE = 4096 };

void console_open(struct console *c, int state_dir)
{
    *c = (struct console){0};
    c->fd = openat(state_dir, "console.log", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
    c->error = c->fd < 0 ? errno : 0;
}

static void console_add(struct console *c, const char *data, size_t length)
{
    while (length > 0 && c->error == 0) {
        ssize_t n = write(c->fd, data, length);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            /* For good: going on later would leave a hole that nobody sees. */
            c->error = n == 0 ? EIO : errno;
            return;
        }
        c->bytes += n;
        data += n;
        length -= (size_t)n;
    }
}

void pump_begin(struct pump *p, int source, int sink)
{
    struct stat st;
    p->source = source;
    p->sink = sink;
    p->error = 0;
    p->bytes = 0;
    p->owed = 0;
    p->start = 0;
    p->end = 0;
    p->read_ms = p->write_ms = now_monotonic_ms();
    if (fstat(sink, &st) != 0) {
        p->error = errno;
    }
    p->sink_waits = p->error == 0 && !S_ISREG(st.st_mode);
}

static bool has_pending(const struct pump *p)
{
    return p->start < p->end;
}

size_t pump_poll(const struct pump *p, bool reading, struct pollfd *polled)
{
    if (has_pending(p)) {
        polled->fd = p->sink;
        polled->events = POLLOUT;
        return 1;
    }
    if (reading && p->source >= 0) {
        polled->fd = p->source;
        polled->events = POLLIN;
        return 1;
    }
    return 0;
}

static bool is_ready(const struct pump *p)
{
    struct pollfd polled = {.fd = p->sink, .events = POLLOUT};
    return !p->sink_waits || poll(&polled, 1, 0) > 0;
}

static void deliver(struct pump *p, int64_t now_ms)
{
    while (has_pending(p) && p->error == 0 && is_ready(p)) {
        size_t length = p->end - p->start;
        if (p->sink_waits && length > SAFE_WRITE) {
            length = SAFE_WRITE;
        }
        ssize_t n = write(p->sink, p->buffer + p->start, length);
        if (n > 0) {
            p->start += (size_t)n;
            p->write_ms = now_ms;
        } else if (n < 0 && errno == EAGAIN) {
            return; /* somebody made it non-blocking: poll again */
        } else if (n == 0 || errno != EINTR) {
            p->error = n == 0 ? EIO : errno;
        }
    }
    if (p->error != 0) {
        p->start = p->end; /* the console still gets everything */
    }
}

static void fetch(struct pump *p, struct console *console, int64_t now_ms)
{
    ssize_t n = read(p->source, p->buffer, sizeof p->buffer);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (n <= 0) {
        close(p->source);
        p->source = -1;
        p->owed = 0;
        return;
    }
    p->start = 0;
    p->end = (size_t)n;
    p->bytes += n;
    p->owed = p->owed > n ? p->owed - n : 0;
    p->read_ms = now_ms;
    p->write_ms = now_ms;
    /* First the file, which does not wait for anyone. */
    console_add(console, p->buffer, p->end);
}

void pump_run(struct pump *p, bool reading, struct console *console, int64_t now_ms)
{
    deliver(p, now_ms);
    if (reading && p->source >= 0 && !has_pending(p)) {
        fetch(p, console, now_ms);
        deliver(p, now_ms);
    }
}

void pump_note_owed(struct pump *p, int64_t now_ms)
{
    p->write_ms = now_ms; /* from here on, patience with the sink has an end */
    int waiting = 0;
    if (p->source >= 0 && ioctl(p->source, FIONREAD, &waiting) == 0) {
        p->owed = waiting;
    }
}

bool pump_is_empty(const struct pump *p)
{
    return !has_pending(p) && p->owed == 0;
}

void pump_drop_stalled(struct pump *p, int64_t now_ms, int64_t patience_ms)
{
    if (has_pending(p) && now_ms - p->write_ms >= patience_ms) {
        p->error = ETIMEDOUT;
        p->start = p->end;
    }
}
