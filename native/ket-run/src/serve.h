/* What a driver fetches, written to stdout; each returns an exit code. */
#ifndef KET_SERVE_H
#define KET_SERVE_H

#include <stdint.h>

#include "manifest.h"

/* Opens a folder; -1 after saying why. */
int open_or_say(const char *path);

/* What `manifest` and `deliver` are told: where the results are, and how much of them is taken. */
struct source {
    int state_dir;
    const char *results;
    struct manifest_caps caps;
};

/* Reads the options of both. */
int source_open(int argc, char **argv, struct source *source);

/* Makes the manifest and prints it. */
int serve_manifest(const struct source *source, struct manifest_summary *summary);

/*
 * Prints a window of the contents of the saved manifest's files, one behind the
 * other; EXIT_STALE when its hash is another.
 */
int serve_files(int state_dir, const char *results, const char *sha256, int64_t offset, int64_t length);

#endif
