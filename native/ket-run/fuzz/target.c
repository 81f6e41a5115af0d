/*
 * The fuzz target: everything of ket-run that parses what others wrote. The
 * first byte chooses the parser. Beside "does not crash" it holds two
 * properties: a name survives writing and reading, and nothing that leaves the
 * folder is ever accepted.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "args.h"
#include "base64.h"
#include "cgroup.h"
#include "json_read.h"
#include "json_write.h"
#include "manifest_read.h"
#include "partition.h"
#include "sha256.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stdout, "property broken: %s\n", what);
        fflush(stdout);
        abort();
    }
}

/* A copy of exactly its size, so that the sanitizer sees one byte too far. */
static char *exact(const uint8_t *data, size_t size)
{
    char *copy = malloc(size == 0 ? 1 : size);
    demand(copy != NULL, "memory");
    memcpy(copy, data, size);
    return copy;
}

static char *as_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    demand(text != NULL, "memory");
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* Written another way than the check it watches over. */
static void check_entry(const struct manifest_entry *entry)
{
    if (!entry->is_file) {
        return;
    }
    char around[PATH_LIMIT + 2];
    snprintf(around, sizeof around, "/%s/", entry->path);
    demand(strstr(around, "/../") == NULL && strstr(around, "/./") == NULL, "no way up");
    demand(strstr(around, "//") == NULL, "no empty part, no path from the top");
    demand(entry->size >= 0, "sizes are not negative");
}

static void one_line(const uint8_t *data, size_t size)
{
    static struct manifest_entry entry;
    char *line = exact(data, size);
    if (manifest_parse_line(line, size, &entry)) {
        check_entry(&entry);
    }
    free(line);
}

/* The whole file; half of the time with a right last line, to get behind it. */
static void whole_file(const uint8_t *data, size_t size, bool sealed)
{
    static struct manifest_reader r;
    static struct manifest_entry entry;
    int fd = memfd_create("manifest", MFD_CLOEXEC);
    demand(fd >= 0 && write_all(fd, data, size), "memory file");
    if (sealed) {
        char text[SHA256_TEXT], line[256];
        struct sha256 sha;
        sha256_start(&sha);
        sha256_add(&sha, data, size);
        bool whole = size == 0 || data[size - 1] == '\n';
        if (!whole) {
            sha256_add(&sha, "\n", 1);
        }
        sha256_text(&sha, text);
        int n = snprintf(line, sizeof line, "%s{\"end\":true,\"files\":1,\"bytes\":1,\"manifest_sha256\":\"%s\"}\n",
                         whole ? "" : "\n", text);
        demand(write_all(fd, line, (size_t)n), "memory file");
    }
    enum manifest_result result = manifest_open(&r, fd);
    demand(!sealed || result == MANIFEST_OK, "a right last line is accepted");
    if (result == MANIFEST_OK) {
        while (manifest_next(&r, &entry) == MANIFEST_OK) {
            check_entry(&entry);
        }
        manifest_close(&r);
    }
}

static void round_trip(const uint8_t *data, size_t size)
{
    static char line[MANIFEST_LINE];
    static struct manifest_entry entry;
    char *path = as_text(data, size < PATH_LIMIT ? size : PATH_LIMIT - 1);
    struct json j;
    json_begin(&j, line, sizeof line);
    json_text(&j, "root", "results");
    json_bytes(&j, "path", "path_b64", path);
    json_number(&j, "size", 7);
    json_text(&j, "type", "file");
    json_end(&j);
    demand(!j.full, "every path fits into a line");
    bool good = manifest_parse_line(line, j.length, &entry);
    demand(good == is_plain_path(path), "plain paths and only they are read back");
    demand(!good || strcmp(entry.path, path) == 0, "a path is read back as it was written");
    free(path);
}

static void arguments(const uint8_t *data, size_t size)
{
    char *argv[32];
    int argc = 0, rest = 0;
    char *text = as_text(data, size);
    for (char *word = strtok(text, "\n"); word != NULL && argc < 31; word = strtok(NULL, "\n")) {
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    const char *state = NULL, *sha = NULL;
    int64_t offset = -1;
    const struct option_spec specs[] = {{"state", OPTION_TEXT, true, &state, NULL},
                                        {"manifest", OPTION_SHA256, false, &sha, NULL},
                                        {"offset", OPTION_NUMBER, true, NULL, &offset},
                                        {0}};
    if (parse_options(argc, argv, specs, &rest)) {
        demand(rest >= 0 && rest <= argc && state != NULL && offset >= 0, "required options are there");
        demand(sha == NULL || is_sha256_text(sha), "a hash is a hash");
    }
    free(text);
}

static void counters(const uint8_t *data, size_t size)
{
    char *text = as_text(data, size);
    demand(cgroup_number(text) >= -1 && cgroup_field(text, "oom_kill") >= -1, "-1 or a number");
    free(text);
}

static void encoded(const uint8_t *data, size_t size)
{
    char *text = as_text(data, size);
    char *out = malloc(size + 1);
    demand(out != NULL, "memory");
    if (base64_decode(text, out, size + 1)) {
        demand(strlen(out) <= size, "decoding does not grow");
    }
    free(out);
    /* Too small by far: nothing may be written behind it. */
    out = malloc(size / 2 + 1);
    demand(out != NULL, "memory");
    (void)base64_decode(text, out, size / 2 + 1);
    free(out);
    free(text);
}

/* The text is the list and the durations at once, so that some names are known. */
static void shares(const uint8_t *data, size_t size)
{
    char *text = exact(data, size);
    struct slice list = {text, size};
    struct durations known;
    struct partition p;
    size_t wrong = 0, shards = size % 7 + 1, names = 0;
    if (!durations_read(&known, list, &wrong)) {
        demand(wrong > 0, "the wrong line is named");
        known = (struct durations){.other_usec = -1};
    }
    demand(partition_make(&p, list, &known, shards), "memory");
    for (size_t i = 0; i < p.count; i++) {
        demand(p.items[i].place == i && p.items[i].shard < shards && p.items[i].usec >= 0, "each name has a shard");
        names += !p.items[i].repeated;
    }
    demand(names == p.names && (p.count == 0 || names > 0), "repeated names are not counted");
    partition_free(&p);
    durations_free(&known);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    uint8_t choice = data[0] % 8; /* so that the digits choose */
    data++;
    size--;
    switch (choice) {
    case 0:
        one_line(data, size);
        break;
    case 1:
    case 2:
        whole_file(data, size, choice == 2);
        break;
    case 3:
        round_trip(data, size);
        break;
    case 4:
        arguments(data, size);
        break;
    case 5:
        counters(data, size);
        break;
    case 6:
        encoded(data, size);
        break;
    default:
        shares(data, size);
        break;
    }
    return 0;
}
