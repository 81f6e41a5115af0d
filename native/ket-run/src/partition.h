/* Which shard runs what: the same answer in every shard, whatever the order of the names. */
#ifndef KET_PARTITION_H
#define KET_PARTITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "durations.h"

struct share_item {
    struct slice name;
    size_t place; /* in the list as it was given */
    int64_t usec;
    bool known; /* how long it takes; else `usec` is a guess */
    size_t shard;
    bool repeated; /* the same name came before */
};

struct partition {
    struct share_item *items; /* in the order in which they were given */
    size_t count;             /* without the repeated ones: `names` */
    size_t names;
    size_t unknown; /* of these */
};

enum { MOST_SHARDS = 1000 };

/*
 * Gives each name of `list`, one a line, to one of `shards`: the longest
 * first, each to the shard that has the least so far. A name of which nothing
 * is known counts as the median of the others, or a second. False: no memory.
 */
bool partition_make(struct partition *p, struct slice list, const struct durations *known, size_t shards);
void partition_free(struct partition *p);

#endif
