/*
 * share: of the names on stdin, one a line, those that this shard is to run.
 * What is wrong ends with an error: a list that nobody got must not become a
 * shard that passes without tests.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "base.h"
#include "commands.h"
#include "durations.h"
#include "partition.h"

enum { MOST_BYTES = 64 * 1024 * 1024 };

/* From the options; what they do not say, from the environment. */
struct request {
    int64_t shard;
    int64_t shards;
    const char *durations; /* a file; NULL: nothing is known */
    const char *results;   /* a folder; NULL: none */
};

static bool number_from(const char *name, int64_t *number)
{
    const char *text = getenv(name);
    if (text == NULL || *number >= 0) {
        return true;
    }
    if (!parse_number(text, number)) {
        say("%s: not a number: %s", name, text);
        return false;
    }
    return true;
}

static const char *text_from(const char *name, const char *given)
{
    const char *text = given != NULL ? given : getenv(name);
    return text == NULL || *text == '\0' ? NULL : text;
}

static bool read_request(int argc, char **argv, struct request *r)
{
    *r = (struct request){.shard = -1, .shards = -1};
    const struct option_spec specs[] = {{"shard", OPTION_NUMBER, false, NULL, &r->shard},
                                        {"shards", OPTION_NUMBER, false, NULL, &r->shards},
                                        {"durations", OPTION_TEXT, false, &r->durations, NULL},
                                        {"results", OPTION_TEXT, false, &r->results, NULL},
                                        {0}};
    if (!parse_options(argc, argv, specs, NULL) || !number_from("KET_SHARD", &r->shard) ||
        !number_from("KET_SHARDS", &r->shards)) {
        return false;
    }
    r->durations = text_from("KET_DURATIONS", r->durations);
    r->results = text_from("KET_RESULTS", r->results);
    if (r->shard < 0 && r->shards < 0) { /* outside ket: all of them */
        r->shard = 0;
        r->shards = 1;
    }
    if (r->shard < 0 || r->shards < 0) {
        say("KET_SHARD and KET_SHARDS: one is given, the other is not");
        return false;
    }
    if (r->shards < 1 || r->shards > MOST_SHARDS || r->shard >= r->shards) {
        say("shard %" PRId64 " of %" PRId64 ": there are 1 to %d shards, counted from 0", r->shard, r->shards,
            (int)MOST_SHARDS);
        return false;
    }
    return true;
}

/* Everything from `fd`, to be freed; says what is wrong with `what` and returns an exit code. */
static int read_text(int fd, const char *what, struct slice *text)
{
    char *data = NULL;
    size_t length = 0, room = 0;
    for (;;) {
        if (length == room) {
            room = room == 0 ? COPY_BUFFER : room * 2;
            char *more = room > 2 * (size_t)MOST_BYTES ? NULL : realloc(data, room);
            if (more == NULL) {
                say("%s: too long", what);
                free(data);
                return EXIT_USAGE;
            }
            data = more;
        }
        ssize_t n = read_full(fd, data + length, room - length);
        if (n < 0) {
            say("%s: cannot be read: %s", what, strerror(errno));
            free(data);
            return EXIT_IO;
        }
        if (n == 0) {
            break;
        }
        length += (size_t)n;
    }
    if (length > MOST_BYTES || memchr(data, '\0', length) != NULL) {
        say("%s: %s", what, length > MOST_BYTES ? "too long" : "has a zero byte, so it is no list of lines");
        free(data);
        return EXIT_USAGE;
    }
    *text = (struct slice){data, length};
    return EXIT_OK;
}

static int read_durations(const char *file, struct slice *text, struct durations *known)
{
    *text = (struct slice){NULL, 0};
    *known = (struct durations){.other_usec = -1};
    if (file == NULL) {
        return EXIT_OK;
    }
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        say("cannot open the durations %s: %s", file, strerror(errno));
        return EXIT_USAGE;
    }
    int code = read_text(fd, file, text);
    close(fd);
    size_t wrong = 0;
    if (code == EXIT_OK && !durations_read(known, *text, &wrong)) {
        if (wrong == 0) {
            say("no memory for the durations %s", file);
        } else {
            say("%s, line %zu: not seconds, a tab and a name", file, wrong);
        }
        code = wrong == 0 ? EXIT_IO : EXIT_USAGE;
    }
    return code;
}

/*
 * A shard that got no name has no test to show. One skipped case says so, in
 * JUnit: without it, nobody could tell it from a shard that lost its tests.
 */
static bool tell_of_nothing(const struct request *r, size_t names)
{
    if (r->results == NULL) {
        return true;
    }
    char file[64], text[512];
    snprintf(file, sizeof file, "empty-shard-%" PRId64 ".xml", r->shard);
    int n = snprintf(text, sizeof text,
                     "<testsuite name=\"ket\" tests=\"1\" skipped=\"1\">"
                     "<testcase classname=\"ket\" name=\"shard %" PRId64 "\">"
                     "<skipped message=\"no test is left for it: %zu for %" PRId64 " shards\"/></testcase></testsuite>\n",
                     r->shard, names, r->shards);
    int dir = open_folder(r->results);
    bool good = dir >= 0 && replace_file(dir, file, text, (size_t)n);
    if (!good) {
        say("cannot write %s/%s: %s", r->results, file, strerror(errno));
    }
    if (dir >= 0) {
        close(dir);
    }
    return good;
}

static int print_share(const struct request *r, const struct partition *p, size_t room)
{
    char *out = malloc(room + 1);
    if (out == NULL) {
        say("no memory for %zu names", p->names);
        return EXIT_IO;
    }
    size_t length = 0, mine = 0;
    int64_t usec = 0, all_usec = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct share_item *item = &p->items[i];
        if (item->repeated) {
            continue;
        }
        all_usec += item->usec;
        if (item->shard != (size_t)r->shard) {
            continue;
        }
        memcpy(out + length, item->name.text, item->name.length);
        length += item->name.length;
        out[length++] = '\n';
        usec += item->usec;
        mine++;
    }
    say("shard %" PRId64 " (from 0) of %" PRId64 ": %zu of %zu names, about %" PRId64 " of %" PRId64
        " s; how long %zu of them take is not known",
        r->shard, r->shards, mine, p->names, usec / 1000000, all_usec / 1000000, p->unknown);
    bool good = write_all(STDOUT_FILENO, out, length);
    free(out);
    if (!good) {
        say("cannot write to stdout: %s", strerror(errno));
        return EXIT_IO;
    }
    return mine > 0 || tell_of_nothing(r, p->names) ? EXIT_OK : EXIT_IO;
}

int command_share(int argc, char **argv)
{
    struct request request;
    if (!read_request(argc, argv, &request)) {
        return EXIT_USAGE;
    }
    struct slice list = {NULL, 0}, text = {NULL, 0};
    struct durations known = {.other_usec = -1};
    struct partition parts = {0};
    int code = read_text(STDIN_FILENO, "stdin", &list);
    if (code == EXIT_OK) {
        code = read_durations(request.durations, &text, &known);
    }
    if (code == EXIT_OK && !partition_make(&parts, list, &known, (size_t)request.shards)) {
        say("no memory for the names");
        code = EXIT_IO;
    }
    if (code == EXIT_OK && parts.count == 0) {
        say("there is no name on stdin: the command before found no test");
        code = EXIT_USAGE;
    }
    if (code == EXIT_OK) {
        code = print_share(&request, &parts, list.length);
    }
    partition_free(&parts);
    durations_free(&known);
    free((char *)text.text);
    free((char *)list.text);
    return code;
}
