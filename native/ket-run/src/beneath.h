/*
 * Opens what lies beneath a folder, one name at a time and never through a
 * symbolic link: whatever a test puts into its results, and whenever it swaps
 * it, nothing outside the folder is ever opened.
 */
#ifndef KET_BENEATH_H
#define KET_BENEATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base.h"

/* The folder last visited stays open: sorted paths mostly share it. */
struct beneath {
    int root;
    int parent; /* -1: none, and then parent_path means nothing */
    char parent_path[PATH_LIMIT];
};

void beneath_begin(struct beneath *b, int root);
void beneath_end(struct beneath *b);

/*
 * The folder that `path` lies in (owned by `b`, valid until the next call), and
 * in `name` its last part. -1 with errno.
 */
int beneath_parent(struct beneath *b, const char *path, const char **name);

/* Opens a folder for listing; "" is the root itself. The caller closes it. */
int beneath_open_folder(struct beneath *b, const char *path);

/* Opens a regular file for reading, without ever waiting on a fifo or device. */
int beneath_open_file(struct beneath *b, const char *path);

/* Relative, no empty, "." or ".." part, shorter than PATH_LIMIT. */
bool is_plain_path(const char *path);

#endif
