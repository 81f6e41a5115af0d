/*
 * The manifest: what the results and state folders hold, one JSON object a
 * line, in a fixed order, ended by a line with the hash of all before it.
 */
#ifndef KET_MANIFEST_H
#define KET_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sha256.h"

#define MANIFEST_NAME "manifest.ndjson"
#define UNAVAILABLE_NAME "unavailable.json"

/* More than the longest line: a path of 4,350 bytes, all escaped, and its base64. */
enum { MANIFEST_LINE = 65536 };

struct manifest_summary {
    int64_t files; /* regular files that were read */
    int64_t bytes; /* their sizes together */
    char sha256[SHA256_TEXT];
};

/* What of the results is taken at most; what is over it is named as left out. */
struct manifest_caps {
    int64_t file_bytes; /* of one file */
    int64_t bytes;      /* of all files */
    int64_t files;
};

/* No caps: all fields INT64_MAX. */
#define MANIFEST_UNCAPPED ((struct manifest_caps){INT64_MAX, INT64_MAX, INT64_MAX})

/*
 * Walks both folders and replaces the saved manifest. Returns a descriptor of
 * it for reading, or -1 after saying why.
 */
int manifest_make(int state_dir, const char *results, struct manifest_caps caps, struct manifest_summary *summary);

#endif
