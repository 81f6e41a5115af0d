/*
 * The subcommands that a driver runs in the sidecar over exec, to fetch what
 * the suite left: manifest, stream, cat (and deliver, by serve.h). What cannot
 * be written to stdout is an error; a cut transfer must never look like a whole
 * one.
 */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "base.h"
#include "beneath.h"
#include "commands.h"
#include "contact.h"
#include "manifest_read.h"

static char copy_buffer[2 * COPY_BUFFER];

int open_or_say(const char *path)
{
    int fd = open_folder(path);
    if (fd < 0) {
        say("cannot open %s: %s", path, strerror(errno));
    }
    return fd;
}

/* The state folder for a driver, whose contact is marked; -1 after saying why. */
static int open_state(const char *path)
{
    int fd = open_or_say(path);
    if (fd >= 0) {
        touch_contact(fd);
    }
    return fd;
}

static bool put(int state_dir, const void *data, size_t length)
{
    if (!write_all(STDOUT_FILENO, data, length)) {
        say("cannot write to stdout: %s", strerror(errno));
        return false;
    }
    touch_contact_again(state_dir);
    return true;
}

enum copied { COPIED, COPIED_SHORT, COPY_UNREADABLE, COPY_FAILED };

/* Copies `length` bytes from `offset`, or less if the file (-1: none) ends before. */
static enum copied copy_out(int state_dir, int fd, int64_t offset, int64_t length, int64_t *done)
{
    for (*done = 0; *done < length;) {
        int64_t left = length - *done;
        size_t want = left < (int64_t)sizeof copy_buffer ? (size_t)left : sizeof copy_buffer;
        ssize_t n = fd < 0 ? 0 : pread(fd, copy_buffer, want, offset + *done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            say("cannot read a file: %s", strerror(errno));
            return COPY_UNREADABLE;
        }
        if (n == 0) {
            return COPIED_SHORT;
        }
        if (!put(state_dir, copy_buffer, (size_t)n)) {
            return COPY_FAILED;
        }
        *done += n;
    }
    return COPIED;
}

static bool put_zeros(int state_dir, int64_t length)
{
    memset(copy_buffer, 0, sizeof copy_buffer);
    while (length > 0) {
        size_t n = length < (int64_t)sizeof copy_buffer ? (size_t)length : sizeof copy_buffer;
        if (!put(state_dir, copy_buffer, n)) {
            return false;
        }
        length -= (int64_t)n;
    }
    return true;
}

int source_open(int argc, char **argv, struct source *source)
{
    const char *state = NULL;
    source->results = NULL;
    source->caps = MANIFEST_UNCAPPED;
    const struct option_spec specs[] = {{"state", OPTION_TEXT, true, &state, NULL},
                                        {"results", OPTION_TEXT, true, &source->results, NULL},
                                        {"most-file-bytes", OPTION_NUMBER, false, NULL, &source->caps.file_bytes},
                                        {"most-bytes", OPTION_NUMBER, false, NULL, &source->caps.bytes},
                                        {"most-files", OPTION_NUMBER, false, NULL, &source->caps.files},
                                        {0}};
    if (!parse_options(argc, argv, specs, NULL)) {
        return EXIT_USAGE;
    }
    source->state_dir = open_state(state);
    return source->state_dir < 0 ? EXIT_IO : EXIT_OK;
}

int serve_manifest(const struct source *source, struct manifest_summary *summary)
{
    int fd = manifest_make(source->state_dir, source->results, source->caps, summary);
    if (fd < 0) {
        return EXIT_IO;
    }
    /* Printed from the saved file: who sees the last line can stream by it. */
    int64_t done;
    enum copied result = copy_out(source->state_dir, fd, 0, INT64_MAX, &done);
    close(fd);
    return result == COPIED_SHORT ? EXIT_OK : EXIT_IO;
}

int command_manifest(int argc, char **argv)
{
    struct source source;
    struct manifest_summary summary;
    int code = source_open(argc, argv, &source);
    return code == EXIT_OK ? serve_manifest(&source, &summary) : code;
}

struct stream {
    int state_dir;
    struct beneath results;
    struct beneath state;
    int64_t from;      /* the window of the virtual concatenation */
    int64_t to;        /* behind its last byte */
    int64_t position;  /* of the next file in it */
    int64_t shortened; /* files filled with zeros */
};

/* Sends the part of one file that lies in the window. */
static bool stream_file(struct stream *s, const struct manifest_entry *entry)
{
    int64_t start = s->position;
    int64_t end = start + entry->size;
    s->position = end;
    int64_t from = s->from > start ? s->from : start;
    int64_t to = s->to < end ? s->to : end;
    if (from >= to) {
        return true;
    }
    int fd = beneath_open_file(entry->in_results ? &s->results : &s->state, entry->path);
    int64_t done;
    enum copied result = copy_out(s->state_dir, fd, from - start, to - from, &done);
    if (fd >= 0) {
        close(fd);
    }
    if (result == COPIED_SHORT || result == COPY_UNREADABLE) {
        s->shortened++;
        return put_zeros(s->state_dir, to - from - done);
    }
    return result == COPIED;
}

static int stream_window(struct stream *s, struct manifest_reader *r)
{
    static struct manifest_entry entry;
    enum manifest_result result;
    while ((result = manifest_next(r, &entry)) == MANIFEST_OK) {
        if (entry.size > INT64_MAX - s->position) {
            result = MANIFEST_BAD;
            break;
        }
        if (!stream_file(s, &entry)) {
            return EXIT_IO;
        }
    }
    if (result != MANIFEST_END) {
        say("the saved manifest cannot be read");
        return EXIT_STALE;
    }
    if (s->shortened > 0) {
        say("%lld files are shorter than in the manifest; filled with zero bytes", (long long)s->shortened);
    }
    if (s->from > s->position) {
        say("--offset lies behind the end (%lld bytes)", (long long)s->position);
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

int serve_files(int state_dir, const char *results, const char *sha256, int64_t offset, int64_t length)
{
    static struct manifest_reader r;
    enum manifest_result opened = manifest_open_saved(&r, state_dir);
    if (opened != MANIFEST_OK || strcmp(r.summary.sha256, sha256) != 0) {
        say("the saved manifest is not %s but %s", sha256,
            opened == MANIFEST_OK ? r.summary.sha256 : opened == MANIFEST_NONE ? "missing" : "damaged");
        return EXIT_STALE;
    }
    int results_dir = open_folder(results); /* -1: its files are then missing */
    static struct stream s;
    s.state_dir = state_dir;
    s.from = offset;
    s.to = length > INT64_MAX - offset ? INT64_MAX : offset + length;
    beneath_begin(&s.results, results_dir);
    beneath_begin(&s.state, state_dir);
    int code = stream_window(&s, &r);
    beneath_end(&s.results);
    beneath_end(&s.state);
    manifest_close(&r);
    return code;
}

int command_stream(int argc, char **argv)
{
    const char *state = NULL, *results = NULL, *sha256 = NULL;
    int64_t offset = 0, length = INT64_MAX;
    const struct option_spec specs[] = {{"state", OPTION_TEXT, true, &state, NULL},
                                        {"results", OPTION_TEXT, true, &results, NULL},
                                        {"manifest", OPTION_SHA256, true, &sha256, NULL},
                                        {"offset", OPTION_NUMBER, true, NULL, &offset},
                                        {"length", OPTION_NUMBER, false, NULL, &length},
                                        {0}};
    if (!parse_options(argc, argv, specs, NULL)) {
        return EXIT_USAGE;
    }
    int state_dir = open_state(state);
    if (state_dir < 0) {
        return EXIT_IO;
    }
    return serve_files(state_dir, results, sha256, offset, length);
}

int command_cat(int argc, char **argv)
{
    const char *state = NULL, *results = NULL, *root = NULL, *path = NULL;
    int64_t offset = 0, length = INT64_MAX;
    const struct option_spec specs[] = {{"state", OPTION_TEXT, true, &state, NULL},
                                        {"results", OPTION_TEXT, true, &results, NULL},
                                        {"root", OPTION_TEXT, true, &root, NULL},
                                        {"path", OPTION_TEXT, true, &path, NULL},
                                        {"offset", OPTION_NUMBER, false, NULL, &offset},
                                        {"length", OPTION_NUMBER, false, NULL, &length},
                                        {0}};
    if (!parse_options(argc, argv, specs, NULL)) {
        return EXIT_USAGE;
    }
    bool in_results = strcmp(root, "results") == 0;
    if ((!in_results && strcmp(root, "state") != 0) || !is_plain_path(path)) {
        say("--root must be results or state, and --path relative without \"..\"");
        return EXIT_USAGE;
    }
    int state_dir = open_state(state);
    if (state_dir < 0) {
        return EXIT_IO;
    }
    static struct beneath b;
    beneath_begin(&b, in_results ? open_or_say(results) : state_dir);
    int fd = b.root < 0 ? -1 : beneath_open_file(&b, path);
    if (fd < 0) {
        int error = errno;
        say("cannot open %s: %s", path, error == EINVAL ? "not a regular file" : strerror(error));
        return error == ENOENT || error == ENOTDIR ? EXIT_MISSING : EXIT_IO;
    }
    int64_t done;
    /* Up to its end now: what is appended meanwhile is for the next call. */
    off_t size = lseek(fd, 0, SEEK_END);
    int64_t left = size > offset ? size - offset : 0;
    enum copied result = copy_out(state_dir, fd, offset, length < left ? length : left, &done);
    close(fd);
    beneath_end(&b);
    return result == COPIED || result == COPIED_SHORT ? EXIT_OK : EXIT_IO;
}
