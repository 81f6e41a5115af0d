/* Names and connections, each step with what became of it. */
#ifndef KET_DIAL_H
#define KET_DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a probe got to, and what stopped it there. */
struct fault {
    const char *stage; /* "dns", "connect" or "http"; NULL: nothing is wrong */
    const char *error; /* one word, for programs */
    const char *text;  /* for people */
};

enum { ADDRESSES_SIZE = 1024, ADDRESS_SIZE = 64 };

/*
 * The addresses of `host` by the resolver of this pod, with blanks between, in
 * the order in which it gave them. It can take longer than any limit.
 */
bool find_addresses(const char *host, char *addresses, size_t size, struct fault *fault);

/*
 * A connection to the first address of `host` that takes one, by `deadline` of
 * the monotonic clock; the socket does not block. `address` gets the one that was tried last.
 */
int dial(const char *host, int64_t port, int64_t deadline, char address[ADDRESS_SIZE], struct fault *fault);

/* Waits for POLLIN or POLLOUT; false when the deadline was first. */
bool ready_by(int fd, short events, int64_t deadline);

/* What a failed call on a socket means. */
void blame(struct fault *fault, const char *stage, int error);

#endif
