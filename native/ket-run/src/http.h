/* Enough of HTTP/1.1 to ask whether a service answers, over connections that stay open. */
#ifndef KET_HTTP_H
#define KET_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "dial.h"

enum { BODY_SIZE = 4096 + 1, MOST_CONNECTIONS = 64 };

struct http_request {
    const char *host;
    int64_t port;
    const char *path;
    int64_t requests;    /* how many in all, one after another */
    int64_t connections; /* over so many in turn */
    bool keep_alive;     /* false: a connection of its own for each */
    int64_t deadline;    /* of the monotonic clock, for all of them */
};

/* Of the last answer, and of all connections. */
struct http_answer {
    int status;
    char body[BODY_SIZE]; /* its beginning */
    bool cut;             /* there was more */
    int64_t done;         /* requests that were answered */
    int64_t opened;       /* connections that were made */
    char address[ADDRESS_SIZE];
};

bool http_ask(const struct http_request *request, struct http_answer *answer, struct fault *fault);

#endif
