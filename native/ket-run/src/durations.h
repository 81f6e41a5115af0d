/*
 * How long tests took before: lines `seconds<TAB>name`, as ket writes them. A
 * line without a name says what counts for all names that are not there.
 */
#ifndef KET_DURATIONS_H
#define KET_DURATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes within a text that somebody else holds. */
struct slice {
    const char *text;
    size_t length;
};

struct duration {
    struct slice name;
    int64_t usec;
};

struct durations {
    struct duration *items; /* sorted by name */
    size_t count;
    int64_t other_usec; /* for names that are not there; -1: not said */
};

int compare_slices(struct slice a, struct slice b); /* by bytes, as memcmp */

/* The next line of what is left, without its newline; false at the end. */
bool next_line(struct slice *rest, struct slice *line);

/*
 * Reads `text`, which must live as long as the result. False with the number
 * of the wrong line in `wrong`, or 0 where memory is short.
 */
bool durations_read(struct durations *d, struct slice text, size_t *wrong);
void durations_free(struct durations *d);

/* What a name took, in microseconds; -1 when that is not known. */
int64_t durations_find(const struct durations *d, struct slice name);

#endif
