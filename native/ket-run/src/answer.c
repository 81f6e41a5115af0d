/*
 * answer: a server that says how many connections it took, so that somebody
 * else can tell whether they are used again. Requests for /count/WORD belong
 * together: the answer has the sockets and the requests of that word so far.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "args.h"
#include "base.h"
#include "commands.h"

enum { MOST_CLIENTS = 512, MOST_WORDS = 256, WORD_SIZE = 64, HEAD_SIZE = 4096 };

struct word {
    char name[WORD_SIZE];
    long long sockets;
    long long requests;
};

struct client {
    int fd;    /* -1: none */
    int word;  /* the one that it was counted for; -1: none */
    size_t length;
    char head[HEAD_SIZE];
};

static struct word words[MOST_WORDS];
static struct client clients[MOST_CLIENTS];

static void leave(int signal)
{
    (void)signal;
    _exit(EXIT_OK);
}

/* The index of the word that a request is for; -1 for none. */
static int word_of(const char *head)
{
    static const char prefix[] = "GET /count/";
    if (strncmp(head, prefix, sizeof prefix - 1) != 0) {
        return -1;
    }
    const char *name = head + sizeof prefix - 1;
    size_t length = strcspn(name, " \r\n");
    if (length == 0 || length >= WORD_SIZE) {
        return -1;
    }
    for (int i = 0; i < MOST_WORDS; i++) {
        struct word *w = &words[i];
        if (w->name[0] == '\0') {
            memcpy(w->name, name, length);
        }
        if (strlen(w->name) == length && memcmp(w->name, name, length) == 0) {
            return i;
        }
    }
    return -1;
}

/* Answers one request; false when the connection is to be closed. */
static bool answer(struct client *c)
{
    int index = word_of(c->head);
    char body[128] = "ket\n";
    if (index >= 0) {
        struct word *w = &words[index];
        w->sockets += c->word == index ? 0 : 1;
        w->requests++;
        c->word = index;
        snprintf(body, sizeof body, "sockets %lld requests %lld\n", w->sockets, w->requests);
    }
    bool stays = strcasestr(c->head, "\r\nconnection: close") == NULL;
    char text[512];
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s\r\n%s", strlen(body),
                     stays ? "" : "Connection: close\r\n", body);
    /* A client that does not take 200 bytes is not worth waiting for. */
    return send(c->fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) == n && stays;
}

/* Reads and answers what is there; false when the connection is to be closed. */
static bool serve(struct client *c)
{
    ssize_t n = recv(c->fd, c->head + c->length, sizeof c->head - 1 - c->length, MSG_DONTWAIT);
    if (n <= 0) {
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    }
    c->length += (size_t)n;
    c->head[c->length] = '\0';
    char *end;
    while ((end = strstr(c->head, "\r\n\r\n")) != NULL) {
        end[2] = '\0';
        if (!answer(c)) {
            return false;
        }
        size_t used = (size_t)(end + 4 - c->head);
        c->length -= used;
        memmove(c->head, c->head + used, c->length + 1);
    }
    return c->length < sizeof c->head - 1;
}

/* Both families where there are both. */
static int listen_on(int64_t port)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int off = 0, on = 1;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(fd, (struct sockaddr *)&six, sizeof six) == 0 && listen(fd, 128) == 0) {
            return fd;
        }
        close(fd);
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&four, sizeof four) == 0 && listen(fd, 128) == 0) {
        return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static void greet(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    for (size_t i = 0; i < MOST_CLIENTS; i++) {
        if (clients[i].fd < 0) {
            clients[i] = (struct client){.fd = fd, .word = -1};
            return;
        }
    }
    close(fd);
}

static bool tell_port(int fd)
{
    struct sockaddr_in6 own;
    socklen_t size = sizeof own;
    if (getsockname(fd, (struct sockaddr *)&own, &size) != 0) {
        return false;
    }
    /* The port is at the same place in both families. */
    char text[32];
    int n = snprintf(text, sizeof text, "listening %u\n", (unsigned)ntohs(own.sin6_port));
    return write_all(STDOUT_FILENO, text, (size_t)n);
}

int command_answer(int argc, char **argv)
{
    int64_t port = -1;
    const struct option_spec specs[] = {{"port", OPTION_NUMBER, true, NULL, &port}, {0}};
    if (!parse_options(argc, argv, specs, NULL)) {
        return EXIT_USAGE;
    }
    if (port > 65535) {
        say("--port: not a port: %lld", (long long)port);
        return EXIT_USAGE;
    }
    /* The first process of a container dies of no signal that it does not handle. */
    signal(SIGTERM, leave);
    signal(SIGINT, leave);
    int listener = listen_on(port);
    if (listener < 0 || !tell_port(listener)) {
        say("cannot listen on port %lld: %s", (long long)port, strerror(errno));
        return EXIT_IO;
    }
    for (size_t i = 0; i < MOST_CLIENTS; i++) {
        clients[i].fd = -1;
    }
    for (;;) {
        struct pollfd fds[MOST_CLIENTS + 1];
        for (size_t i = 0; i < MOST_CLIENTS; i++) {
            fds[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
        }
        fds[MOST_CLIENTS] = (struct pollfd){.fd = listener, .events = POLLIN};
        if (poll(fds, MOST_CLIENTS + 1, -1) < 0 && errno != EINTR) {
            say("cannot wait: %s", strerror(errno));
            return EXIT_IO;
        }
        for (size_t i = 0; i < MOST_CLIENTS; i++) {
            if (fds[i].fd >= 0 && fds[i].revents != 0 && !serve(&clients[i])) {
                close(clients[i].fd);
                clients[i].fd = -1;
            }
        }
        if (fds[MOST_CLIENTS].revents != 0) {
            greet(listener);
        }
    }
}
