/*
 * Reads the saved manifest back. It lies in a folder that the test can write
 * to, so it is checked like any input.
 */
#ifndef KET_MANIFEST_READ_H
#define KET_MANIFEST_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "beneath.h"
#include "manifest.h"

struct manifest_entry {
    bool is_file;    /* else a line without content: link, error, other */
    bool in_results; /* else in the state folder */
    int64_t size;
    char path[PATH_LIMIT]; /* the bytes of a file's name, checked */
};

struct manifest_reader {
    int fd;
    int64_t content;  /* length of all lines before the last */
    int64_t position; /* of what is read next into the buffer */
    size_t start;     /* the unread part of the buffer */
    size_t end;
    struct manifest_summary summary; /* of the last line, checked */
    char buffer[2 * MANIFEST_LINE];
};

enum manifest_result { MANIFEST_OK, MANIFEST_END, MANIFEST_NONE, MANIFEST_BAD };

/*
 * Takes over `fd` (-1: there is none) and checks the hash of the content
 * against the last line. After MANIFEST_OK close it with manifest_close.
 */
enum manifest_result manifest_open(struct manifest_reader *r, int fd);
enum manifest_result manifest_open_saved(struct manifest_reader *r, int state_dir);
void manifest_close(struct manifest_reader *r);

/* The next line: MANIFEST_OK, MANIFEST_END or MANIFEST_BAD. */
enum manifest_result manifest_next(struct manifest_reader *r, struct manifest_entry *entry);

/* One line without its newline, changed by reading. */
bool manifest_parse_line(char *line, size_t length, struct manifest_entry *entry);

#endif
