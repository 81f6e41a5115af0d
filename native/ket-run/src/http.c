#include "http.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base.h"

enum { HEAD_SIZE = 16 * 1024 };

/* Bytes of one connection that were read and not yet used. */
struct reader {
    int fd;
    int64_t deadline;
    size_t at, end;
    char buffer[HEAD_SIZE];
};

static const struct fault not_http = {"http", "not-http", "the answer is not HTTP/1"};
static const struct fault closed = {"http", "closed", "the connection was closed before the answer was whole"};
static const struct fault late = {"http", "timeout", "no whole answer in time"};

/* More bytes into the buffer; 0 at the end, -1 with the fault. */
static ssize_t fill(struct reader *r, struct fault *fault)
{
    if (r->at == r->end) {
        r->at = r->end = 0;
    } else if (r->at > 0 && r->end == sizeof r->buffer) {
        memmove(r->buffer, r->buffer + r->at, r->end - r->at);
        r->end -= r->at;
        r->at = 0;
    }
    if (r->end == sizeof r->buffer) {
        *fault = not_http;
        return -1;
    }
    for (;;) {
        if (!ready_by(r->fd, POLLIN, r->deadline)) {
            *fault = late;
            return -1;
        }
        ssize_t n = recv(r->fd, r->buffer + r->end, sizeof r->buffer - r->end, 0);
        if (n >= 0) {
            r->end += (size_t)n;
            return n;
        }
        if (errno != EINTR && errno != EAGAIN) {
            blame(fault, "http", errno);
            return -1;
        }
    }
}

/* The next line without its end, ended by a zero byte; NULL with the fault. */
static char *next_line(struct reader *r, struct fault *fault)
{
    for (;;) {
        char *from = r->buffer + r->at;
        char *feed = memchr(from, '\n', r->end - r->at);
        if (feed != NULL) {
            r->at = (size_t)(feed - r->buffer) + 1;
            if (feed > from && feed[-1] == '\r') {
                feed--;
            }
            *feed = '\0';
            return from;
        }
        ssize_t n = fill(r, fault);
        if (n == 0) {
            *fault = closed;
        }
        if (n <= 0) {
            return NULL;
        }
    }
}

/* Takes up to `length` bytes of the body (all until the end when it is negative). */
static bool take_body(struct reader *r, int64_t length, struct http_answer *a, size_t *kept, struct fault *fault)
{
    int64_t left = length;
    while (left != 0) {
        if (r->at == r->end) {
            ssize_t n = fill(r, fault);
            if (n < 0) {
                return false;
            }
            if (n == 0) {
                *fault = closed;
                return length < 0;
            }
        }
        size_t here = r->end - r->at;
        if (left >= 0 && (uint64_t)left < here) {
            here = (size_t)left;
        }
        size_t room = sizeof a->body - 1 - *kept;
        size_t copied = here < room ? here : room;
        memcpy(a->body + *kept, r->buffer + r->at, copied);
        *kept += copied;
        a->cut = a->cut || copied < here;
        r->at += here;
        left -= left > 0 ? (int64_t)here : 0;
    }
    return true;
}

static bool take_chunks(struct reader *r, struct http_answer *a, size_t *kept, struct fault *fault)
{
    for (;;) {
        char *line = next_line(r, fault);
        if (line == NULL) {
            return false;
        }
        char *end;
        errno = 0;
        long long size = strtoll(line, &end, 16);
        if (end == line || size < 0 || errno != 0) {
            *fault = not_http;
            return false;
        }
        if (size == 0) {
            break;
        }
        if (!take_body(r, size, a, kept, fault) || next_line(r, fault) == NULL) {
            return false;
        }
    }
    char *line;
    do {
        line = next_line(r, fault);
    } while (line != NULL && *line != '\0');
    return line != NULL;
}

static const char *value_of(const char *line, const char *name)
{
    size_t length = strlen(name);
    if (strncasecmp(line, name, length) != 0 || line[length] != ':') {
        return NULL;
    }
    const char *value = line + length + 1;
    return value + strspn(value, " \t");
}

/* One answer; `stays` says whether the connection takes another request. */
static bool read_answer(struct reader *r, struct http_answer *a, bool *stays, struct fault *fault)
{
    int64_t length = -1;
    bool chunked = false;
    int minor = 0;
    do {
        char *line = next_line(r, fault);
        if (line == NULL) {
            return false;
        }
        if (sscanf(line, "HTTP/1.%1d %3d", &minor, &a->status) != 2 || a->status < 100) {
            *fault = not_http;
            return false;
        }
        *stays = minor > 0;
        length = -1;
        while ((line = next_line(r, fault)) != NULL && *line != '\0') {
            const char *value;
            if ((value = value_of(line, "content-length")) != NULL) {
                length = strtoll(value, NULL, 10);
            } else if ((value = value_of(line, "transfer-encoding")) != NULL) {
                chunked = strcasecmp(value, "chunked") == 0;
            } else if ((value = value_of(line, "connection")) != NULL) {
                *stays = strcasecmp(value, "close") != 0;
            }
        }
        if (line == NULL) {
            return false;
        }
    } while (a->status < 200);
    size_t kept = 0;
    a->cut = false;
    bool good;
    if (a->status == 204 || a->status == 304) {
        good = true;
    } else if (chunked) {
        good = take_chunks(r, a, &kept, fault);
    } else {
        *stays = *stays && length >= 0;
        good = take_body(r, length, a, &kept, fault);
    }
    a->body[kept] = '\0';
    return good;
}

static bool send_request(int fd, const struct http_request *q, struct fault *fault)
{
    char text[4096];
    int length = snprintf(text, sizeof text,
                          "GET %s HTTP/1.1\r\nHost: %s:%lld\r\nUser-Agent: ket\r\nAccept: */*\r\n%s\r\n", q->path,
                          q->host, (long long)q->port, q->keep_alive ? "" : "Connection: close\r\n");
    if (length < 0 || (size_t)length >= sizeof text) {
        *fault = (struct fault){"http", "other", "the request is too long"};
        return false;
    }
    size_t done = 0;
    while (done < (size_t)length) {
        if (!ready_by(fd, POLLOUT, q->deadline)) {
            *fault = late;
            return false;
        }
        ssize_t n = send(fd, text + done, (size_t)length - done, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            blame(fault, "http", errno);
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool http_ask(const struct http_request *q, struct http_answer *a, struct fault *fault)
{
    int fds[MOST_CONNECTIONS];
    for (size_t i = 0; i < MOST_CONNECTIONS; i++) {
        fds[i] = -1;
    }
    bool good = true;
    *a = (struct http_answer){0};
    for (int64_t i = 0; i < q->requests && good; i++) {
        int *fd = &fds[i % q->connections];
        if (*fd < 0) {
            *fd = dial(q->host, q->port, q->deadline, a->address, fault);
            if (*fd < 0) {
                good = false;
                break;
            }
            a->opened++;
        }
        struct reader r = {.fd = *fd, .deadline = q->deadline};
        bool stays = false;
        good = send_request(*fd, q, fault) && read_answer(&r, a, &stays, fault);
        a->done += good ? 1 : 0;
        if (!good || !stays || !q->keep_alive) {
            close(*fd);
            *fd = -1;
        }
    }
    for (size_t i = 0; i < MOST_CONNECTIONS; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    return good;
}
