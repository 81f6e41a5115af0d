/*
 * connect: one connection of this pod, carried over stdin and stdout. What
 * became of it is told on stderr, a line of JSON each: first whether it was
 * made, later how many bytes the other side sent until it ended. Whoever reads
 * stdout knows by that number that nothing of it was lost on the way, and only
 * then lets stdin end, which ends the command.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "args.h"
#include "base.h"
#include "commands.h"
#include "dial.h"
#include "json_write.h"

/*
 * A pipe that polls as writable takes at least a page without blocking; a
 * blocked write would hold up the other direction.
 */
enum { SAFE_WRITE = 4096, BUFFER_SIZE = 64 * 1024, LINE_SIZE = 1024 };
/* After stdin has ended nobody may be there any more to end the command. */
enum { LONELY_MS = 10 * 60 * 1000 };

/* One direction. */
struct way {
    int from, to;
    size_t at, end;
    bool ended; /* `from` has nothing more */
    char buffer[BUFFER_SIZE];
};

static bool tell(struct json *j)
{
    json_end(j);
    return !j->full && write_all(STDERR_FILENO, j->buffer, j->length);
}

static bool tell_opened(const char *address, const struct fault *fault, int64_t began)
{
    char line[LINE_SIZE];
    struct json j;
    json_begin(&j, line, sizeof line);
    json_bool(&j, "open", fault == NULL);
    json_text(&j, "address", address);
    if (fault != NULL) {
        json_text(&j, "stage", fault->stage);
        json_text(&j, "error", fault->error);
        json_text(&j, "text", fault->text);
    }
    json_number(&j, "ms", now_monotonic_ms() - began);
    return tell(&j);
}

static bool tell_end(int64_t bytes, int error)
{
    char line[LINE_SIZE];
    struct json j;
    json_begin(&j, line, sizeof line);
    json_number(&j, "end", bytes);
    if (error != 0) {
        struct fault fault;
        blame(&fault, "connect", error);
        json_text(&j, "error", fault.error);
        json_text(&j, "text", fault.text);
    }
    return tell(&j);
}

static bool is_empty(const struct way *w)
{
    return w->at == w->end;
}

/* Reads what is there; an errno of the source, or 0. */
static int take(struct way *w)
{
    ssize_t n = read(w->from, w->buffer, sizeof w->buffer);
    if (n < 0) {
        return errno == EINTR || errno == EAGAIN ? 0 : errno;
    }
    w->at = 0;
    w->end = (size_t)n;
    w->ended = n == 0;
    return 0;
}

/* Writes what can be written without waiting; an errno of the sink, or 0. */
static int give(struct way *w, size_t most, int64_t *given)
{
    size_t length = w->end - w->at < most ? w->end - w->at : most;
    ssize_t n = write(w->to, w->buffer + w->at, length);
    if (n < 0) {
        return errno == EINTR || errno == EAGAIN ? 0 : errno;
    }
    w->at += (size_t)n;
    *given += n;
    return 0;
}

/* Carries both ways until both have ended. The exit code. */
static int carry(int fd)
{
    static struct way out, in;
    out.from = in.to = fd;
    out.to = STDOUT_FILENO;
    in.from = STDIN_FILENO;
    bool told = false, shut = false;
    int64_t sent = 0, received = 0, moved = now_monotonic_ms();
    while (!(out.ended && in.ended && is_empty(&out) && is_empty(&in) && shut)) {
        bool reads_fd = !out.ended && is_empty(&out), writes_fd = !is_empty(&in);
        /* An `fd` that has ended would be ready for ever. */
        struct pollfd fds[3] = {
            {.fd = reads_fd || writes_fd ? fd : -1,
             .events = (short)((reads_fd ? POLLIN : 0) | (writes_fd ? POLLOUT : 0))},
            {.fd = !in.ended && is_empty(&in) ? STDIN_FILENO : -1, .events = POLLIN},
            {.fd = STDOUT_FILENO, .events = is_empty(&out) ? 0 : POLLOUT},
        };
        int n = poll(fds, 3, in.ended ? 1000 : -1);
        if (n < 0 && errno != EINTR) {
            say("cannot wait: %s", strerror(errno));
            return EXIT_IO;
        }
        int64_t now = now_monotonic_ms();
        if (n > 0) {
            moved = now;
        } else if (in.ended && now - moved >= LONELY_MS) {
            return EXIT_IO;
        }
        if (n <= 0) {
            continue;
        }
        int error = 0;
        if (reads_fd && (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            error = take(&out);
        }
        if (error == 0 && writes_fd && (fds[0].revents & (POLLOUT | POLLHUP | POLLERR)) != 0) {
            error = give(&in, BUFFER_SIZE, &received);
        }
        if (error != 0) {
            /* What had come before it is not taken back. */
            while (!is_empty(&out) && ready_by(STDOUT_FILENO, POLLOUT, now + LONELY_MS) &&
                   give(&out, SAFE_WRITE, &sent) == 0) {
            }
            return (told || tell_end(sent, error)) && is_empty(&out) ? EXIT_OK : EXIT_IO;
        }
        if (fds[1].revents != 0 && take(&in) != 0) {
            in.ended = true;
        }
        if ((fds[2].revents & (POLLERR | POLLNVAL)) != 0) {
            return EXIT_IO; /* nobody reads any more */
        }
        if ((fds[2].revents & POLLOUT) != 0 && !is_empty(&out) && give(&out, SAFE_WRITE, &sent) != 0) {
            return EXIT_IO;
        }
        if (out.ended && is_empty(&out) && !told) {
            told = true;
            if (!tell_end(sent, 0)) {
                return EXIT_IO;
            }
        }
        if (in.ended && is_empty(&in) && !shut) {
            shut = true;
            shutdown(fd, SHUT_WR);
        }
    }
    return EXIT_OK;
}

int command_connect(int argc, char **argv)
{
    const char *host = NULL;
    int64_t port = 0, limit_ms = 10000;
    const struct option_spec specs[] = {{"host", OPTION_TEXT, true, &host, NULL},
                                        {"port", OPTION_NUMBER, true, NULL, &port},
                                        {"limit-ms", OPTION_NUMBER, false, NULL, &limit_ms},
                                        {0}};
    if (!parse_options(argc, argv, specs, NULL)) {
        return EXIT_USAGE;
    }
    if (port < 1 || port > 65535 || limit_ms < 1 || limit_ms > 600000) {
        say("--port is from 1 to 65535, --limit-ms from 1 to 600000");
        return EXIT_USAGE;
    }
    char address[ADDRESS_SIZE] = "";
    struct fault fault = {NULL, NULL, NULL};
    int64_t began = now_monotonic_ms();
    int fd = dial(host, port, began + limit_ms, address, &fault);
    if (fd < 0) {
        (void)tell_opened(address, &fault, began);
        return EXIT_IO;
    }
    if (!tell_opened(address, NULL, began)) {
        return EXIT_IO;
    }
    return carry(fd);
}
