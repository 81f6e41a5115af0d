/*
 * probe: what this pod finds in the network. Each line on stdin is a probe, an
 * empty one ends the list (stdin of an exec stays open); each gets a line of
 * JSON, in the order in which they end. Every probe runs in a process of its
 * own, because looking up a name knows no limit.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "args.h"
#include "base.h"
#include "commands.h"
#include "dial.h"
#include "http.h"
#include "json_read.h"
#include "json_write.h"

enum { MOST_BYTES = 1024 * 1024, MOST_PROBES = 4096, AT_ONCE = 32, ANSWER_SIZE = 40 * 1024 };

enum kind { KIND_NONE, KIND_DNS, KIND_TCP, KIND_HTTP };

struct probe {
    int64_t id;
    enum kind kind;
    const char *host;
    int64_t port;
    const char *path;
    int64_t requests;
    int64_t connections;
    bool keep_alive;
    int64_t limit_ms;
};

/* A process with a probe; its answer comes through the pipe. */
struct child {
    pid_t pid; /* 0: none */
    int fd;
    const struct probe *probe;
    int64_t deadline;
    size_t length;
    char answer[ANSWER_SIZE];
};

static enum kind kind_of(const char *text)
{
    if (strcmp(text, "dns") == 0) {
        return KIND_DNS;
    }
    if (strcmp(text, "tcp") == 0) {
        return KIND_TCP;
    }
    return strcmp(text, "http") == 0 ? KIND_HTTP : KIND_NONE;
}

static bool read_probe(char *line, size_t length, struct probe *p)
{
    struct json_reader r;
    struct json_member m;
    *p = (struct probe){.id = -1, .port = -1, .path = "/", .requests = 1, .connections = 1, .keep_alive = true,
                        .limit_ms = 5000};
    json_open(&r, line, length);
    while (json_next(&r, &m)) {
        bool number = m.kind == JSON_NUMBER;
        if (number && strcmp(m.key, "id") == 0) {
            p->id = m.number;
        } else if (m.kind == JSON_TEXT && strcmp(m.key, "kind") == 0) {
            p->kind = kind_of(m.text);
        } else if (m.kind == JSON_TEXT && strcmp(m.key, "host") == 0) {
            p->host = m.text;
        } else if (number && strcmp(m.key, "port") == 0) {
            p->port = m.number;
        } else if (m.kind == JSON_TEXT && strcmp(m.key, "path") == 0) {
            p->path = m.text;
        } else if (number && strcmp(m.key, "requests") == 0) {
            p->requests = m.number;
        } else if (number && strcmp(m.key, "connections") == 0) {
            p->connections = m.number;
        } else if (strcmp(m.key, "keep_alive") == 0 && (m.kind == JSON_TRUE || m.kind == JSON_FALSE)) {
            p->keep_alive = m.kind == JSON_TRUE;
        } else if (number && strcmp(m.key, "limit_ms") == 0) {
            p->limit_ms = m.number;
        } else {
            return false;
        }
    }
    bool port = p->kind == KIND_DNS || (p->port >= 1 && p->port <= 65535);
    /* A line end in a path would be another header. */
    bool path = p->path[0] == '/' && strpbrk(p->path, " \r\n") == NULL;
    return !r.bad && p->id >= 0 && p->kind != KIND_NONE && p->host != NULL && *p->host != '\0' &&
           strpbrk(p->host, " \r\n") == NULL && port && path && p->requests >= 1 && p->requests <= 1000000 &&
           p->connections >= 1 && p->connections <= MOST_CONNECTIONS && p->limit_ms >= 1 && p->limit_ms <= 600000;
}

static size_t finish_answer(struct json *j, const struct fault *fault, int64_t began)
{
    json_number(j, "ms", now_monotonic_ms() - began);
    json_text(j, "stage", fault->stage);
    json_text(j, "error", fault->error);
    json_text(j, "text", fault->text);
    json_end(j);
    return j->full ? 0 : j->length;
}

/* The answer of a probe that was not whole in time; only a name can hold the process itself up. */
static size_t answer_late(const struct probe *p, char *buffer, size_t size)
{
    struct json j;
    struct fault fault = {"dns", "timeout", "the name was not looked up in time"};
    json_begin(&j, buffer, size);
    json_number(&j, "id", p->id);
    json_bool(&j, "ok", false);
    return finish_answer(&j, &fault, now_monotonic_ms() - p->limit_ms);
}

static size_t run_probe(const struct probe *p, int64_t deadline, char *buffer, size_t size)
{
    struct json j;
    struct fault fault = {NULL, NULL, NULL};
    int64_t began = now_monotonic_ms();
    bool good;
    json_begin(&j, buffer, size);
    json_number(&j, "id", p->id);
    if (p->kind == KIND_DNS) {
        char addresses[ADDRESSES_SIZE];
        good = find_addresses(p->host, addresses, sizeof addresses, &fault);
        json_text(&j, "addresses", addresses);
    } else if (p->kind == KIND_TCP) {
        char address[ADDRESS_SIZE] = "";
        int fd = dial(p->host, p->port, deadline, address, &fault);
        good = fd >= 0;
        json_text(&j, "address", address);
    } else {
        static struct http_answer a;
        struct http_request q = {p->host,        p->port,       p->path, p->requests,
                                 p->connections, p->keep_alive, deadline};
        good = http_ask(&q, &a, &fault);
        json_text(&j, "address", a.address);
        json_number(&j, "status", a.status);
        json_text(&j, "body", a.body);
        json_bool(&j, "cut", a.cut);
        json_number(&j, "requests", a.done);
        json_number(&j, "opened", a.opened);
    }
    json_bool(&j, "ok", good);
    if (good) { /* an address before the one that took the connection is no fault */
        fault = (struct fault){NULL, NULL, NULL};
    }
    return finish_answer(&j, &fault, began);
}

static bool start(struct child *c, const struct probe *p)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return false;
    }
    *c = (struct child){.probe = p, .fd = ends[0], .deadline = now_monotonic_ms() + p->limit_ms};
    c->pid = fork();
    if (c->pid == 0) {
        close(ends[0]);
        size_t length = run_probe(p, c->deadline, c->answer, sizeof c->answer);
        _exit(length > 0 && write_all(ends[1], c->answer, length) ? 0 : 1);
    }
    close(ends[1]);
    if (c->pid < 0) {
        close(c->fd);
        c->pid = 0;
        return false;
    }
    return true;
}

/* Ends the process and writes its answer, or one that says that there is none. */
static bool end(struct child *c, bool late)
{
    kill(c->pid, SIGKILL);
    while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    close(c->fd);
    c->pid = 0;
    if (late || c->length == 0 || c->answer[c->length - 1] != '\n') {
        c->length = answer_late(c->probe, c->answer, sizeof c->answer);
    }
    return write_all(STDOUT_FILENO, c->answer, c->length);
}

/* Reads what the process has written; false when it is done. */
static bool take(struct child *c)
{
    ssize_t n = read(c->fd, c->answer + c->length, sizeof c->answer - c->length);
    c->length += n > 0 ? (size_t)n : 0;
    return n > 0 || (n < 0 && errno == EINTR);
}

/* After the limit a process may take so long to write what it has. */
enum { GRACE_MS = 500 };

static int run_all(const struct probe *probes, size_t count)
{
    static struct child children[AT_ONCE];
    size_t next = 0, running = 0;
    while (next < count || running > 0) {
        struct pollfd fds[AT_ONCE];
        int64_t soonest = INT64_MAX;
        for (size_t i = 0; i < AT_ONCE; i++) {
            struct child *c = &children[i];
            if (c->pid == 0 && next < count) {
                if (!start(c, &probes[next])) {
                    say("cannot start a process: %s", strerror(errno));
                    return EXIT_IO;
                }
                next++;
                running++;
            }
            fds[i] = (struct pollfd){.fd = c->pid == 0 ? -1 : c->fd, .events = POLLIN};
            if (c->pid != 0 && c->deadline + GRACE_MS < soonest) {
                soonest = c->deadline + GRACE_MS;
            }
        }
        int64_t left = soonest - now_monotonic_ms();
        if (poll(fds, AT_ONCE, left > 0 ? (int)left : 0) < 0 && errno != EINTR) {
            say("cannot wait: %s", strerror(errno));
            return EXIT_IO;
        }
        for (size_t i = 0; i < AT_ONCE; i++) {
            struct child *c = &children[i];
            if (c->pid == 0) {
                continue;
            }
            bool done = fds[i].revents != 0 && !take(c);
            bool late = !done && now_monotonic_ms() >= c->deadline + GRACE_MS;
            if (!done && !late) {
                continue;
            }
            running--;
            if (!end(c, late)) {
                say("cannot write to stdout: %s", strerror(errno));
                return EXIT_IO;
            }
        }
    }
    return EXIT_OK;
}

/* Reads until an empty line or the end; the length without it, or -1. */
static ssize_t read_list(char *text)
{
    size_t length = 0;
    for (;;) {
        ssize_t n = read(STDIN_FILENO, text + length, MOST_BYTES - length);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            say("stdin: cannot be read: %s", strerror(errno));
            return -1;
        }
        length += (size_t)n;
        bool ended = length == 1 ? *text == '\n' : length >= 2 && memcmp(text + length - 2, "\n\n", 2) == 0;
        if (n == 0 || ended) {
            return (ssize_t)length;
        }
        if (length == MOST_BYTES) {
            say("stdin: too long");
            return -1;
        }
    }
}

int command_probe(int argc, char **argv)
{
    const struct option_spec specs[] = {{0}};
    if (!parse_options(argc, argv, specs, NULL)) {
        return EXIT_USAGE;
    }
    static char text[MOST_BYTES + 1];
    static struct probe probes[MOST_PROBES];
    ssize_t length = read_list(text);
    if (length < 0) {
        return EXIT_IO;
    }
    size_t count = 0;
    for (char *line = text; line < text + length;) {
        char *feed = memchr(line, '\n', (size_t)(text + length - line));
        size_t size = feed == NULL ? (size_t)(text + length - line) : (size_t)(feed - line);
        if (size > 0) {
            if (count == MOST_PROBES || !read_probe(line, size, &probes[count])) {
                say("probe %zu: %s", count + 1, count == MOST_PROBES ? "too many" : "not one that can be made");
                return EXIT_USAGE;
            }
            count++;
        }
        line += size + 1;
    }
    if (count == 0) {
        say("there is no probe on stdin");
        return EXIT_USAGE;
    }
    return run_all(probes, count);
}
