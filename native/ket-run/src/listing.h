/*
 * The sorted list of everything beneath a folder that is not a folder itself.
 * Memory is bounded by the names there are: 100,000 files take some 10 MB.
 */
#ifndef KET_LISTING_H
#define KET_LISTING_H

#include <stdbool.h>
#include <stddef.h>

#include "beneath.h"

struct listed {
    int error;   /* errno why this folder could not be listed, else 0 */
    char path[]; /* relative to the folder */
};

struct listing {
    struct listed **items;
    size_t count;
    size_t room;
    struct chunk *chunks;
};

/* Says whether a path is to be left out. */
typedef bool leave_out(const char *path);

/* Lists and sorts by bytes. False (errno) only when memory is at its end. */
bool list_beneath(struct listing *l, struct beneath *b, leave_out *skip);
void listing_free(struct listing *l);

#endif
