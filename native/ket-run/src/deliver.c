/*
 * All of a collection over one connection, for each costs a process in the pod:
 * the manifest, the contents of its files, and then a word of the driver on
 * stdin, which says what becomes of the pod.
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "base.h"
#include "commands.h"
#include "marks.h"
#include "serve.h"

/* A driver that is slower tells it over a connection of its own. */
enum { WORD_LIMIT_MS = 300000, WORD_SIZE = 64 };

/* Reads one line without its newline; false when it does not come, or is too long. */
static bool read_word(char word[WORD_SIZE])
{
    size_t length = 0;
    int64_t until = now_monotonic_ms() + WORD_LIMIT_MS;
    while (length < WORD_SIZE) {
        int64_t left = until - now_monotonic_ms();
        struct pollfd polled = {.fd = STDIN_FILENO, .events = POLLIN};
        if (left <= 0 || poll(&polled, 1, (int)left) == 0) {
            return false;
        }
        if (read_full(STDIN_FILENO, word + length, 1) <= 0) {
            return false;
        }
        if (word[length] == '\n') {
            word[length] = '\0';
            return true;
        }
        length++;
    }
    return false;
}

static int do_word(int state_dir, const char *word, const char *sha256)
{
    static const char keep[] = "keep ";
    int64_t until;
    if (strcmp(word, "ack") == 0) {
        return mark_acknowledged(state_dir, sha256);
    }
    if (strncmp(word, keep, sizeof keep - 1) == 0 && parse_number(word + sizeof keep - 1, &until)) {
        return mark_kept(state_dir, until);
    }
    say("not \"ack\" or \"keep UNIX-MS\" on stdin");
    return EXIT_USAGE;
}

int command_deliver(int argc, char **argv)
{
    struct source source;
    struct manifest_summary summary;
    int code = source_open(argc, argv, &source);
    if (code == EXIT_OK) {
        code = serve_manifest(&source, &summary);
    }
    if (code == EXIT_OK) {
        code = serve_files(source.state_dir, source.results, summary.sha256, 0, INT64_MAX);
    }
    if (code != EXIT_OK) {
        return code;
    }
    char word[WORD_SIZE];
    return read_word(word) ? do_word(source.state_dir, word, summary.sha256) : EXIT_NO_WORD;
}
