#include "dial.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base.h"

void blame(struct fault *fault, const char *stage, int error)
{
    const char *word = "other";
    if (error == ECONNREFUSED) {
        word = "refused";
    } else if (error == ETIMEDOUT) {
        word = "timeout";
    } else if (error == EHOSTUNREACH || error == ENETUNREACH || error == EACCES || error == EPERM) {
        word = "unreachable";
    } else if (error == ECONNRESET || error == EPIPE) {
        word = "reset";
    }
    *fault = (struct fault){stage, word, strerror(error)};
}

static struct addrinfo *resolve(const char *host, const char *port, struct fault *fault)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(host, port, &hints, &found);
    if (code == 0) {
        return found;
    }
    const char *word = "other";
    if (code == EAI_NONAME || code == EAI_NODATA) {
        word = "not-found";
    } else if (code == EAI_AGAIN || code == EAI_FAIL) {
        word = "no-answer";
    }
    *fault = (struct fault){"dns", word, gai_strerror(code)};
    return NULL;
}

static bool text_of(const struct addrinfo *one, char text[ADDRESS_SIZE])
{
    return getnameinfo(one->ai_addr, one->ai_addrlen, text, ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) == 0;
}

bool find_addresses(const char *host, char *addresses, size_t size, struct fault *fault)
{
    struct addrinfo *found = resolve(host, NULL, fault);
    size_t length = 0;
    addresses[0] = '\0';
    for (struct addrinfo *one = found; one != NULL; one = one->ai_next) {
        char text[ADDRESS_SIZE];
        if (!text_of(one, text) || length + strlen(text) + 2 > size) {
            continue;
        }
        length += (size_t)snprintf(addresses + length, size - length, "%s%s", length == 0 ? "" : " ", text);
    }
    if (found != NULL) {
        freeaddrinfo(found);
    }
    return found != NULL;
}

bool ready_by(int fd, short events, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - now_monotonic_ms();
        struct pollfd one = {.fd = fd, .events = events};
        int n = poll(&one, 1, left > 0 ? (int)left : 0);
        if (n > 0) {
            return true;
        }
        if (n == 0 || errno != EINTR) {
            return false;
        }
    }
}

static int connect_by(const struct addrinfo *one, int64_t deadline)
{
    int fd = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    int error = connect(fd, one->ai_addr, one->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        socklen_t size = sizeof error;
        if (!ready_by(fd, POLLOUT, deadline)) {
            error = ETIMEDOUT;
        } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
            error = errno;
        }
    }
    if (error == 0) {
        return fd;
    }
    close(fd);
    errno = error;
    return -1;
}

int dial(const char *host, int64_t port, int64_t deadline, char address[ADDRESS_SIZE], struct fault *fault)
{
    char service[24];
    snprintf(service, sizeof service, "%lld", (long long)port);
    struct addrinfo *found = resolve(host, service, fault);
    int fd = -1;
    for (struct addrinfo *one = found; one != NULL && fd < 0; one = one->ai_next) {
        if (!text_of(one, address)) {
            address[0] = '\0';
        }
        fd = connect_by(one, deadline);
        if (fd < 0) {
            blame(fault, "connect", errno);
        }
    }
    if (found != NULL) {
        freeaddrinfo(found);
    }
    return fd;
}
