/*
 * What every part of ket-run needs: exit codes, messages, clocks, and file
 * helpers that cannot be interrupted or leave half a file.
 */
#ifndef KET_BASE_H
#define KET_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define KET_RUN_VERSION "1"

/* Exit codes of the subcommands; `wrap` otherwise exits as its command did. */
enum {
    EXIT_OK = 0,
    EXIT_IO = 1,         /* reading or writing failed */
    EXIT_USAGE = 2,      /* the arguments are wrong */
    EXIT_NO_ACK = 3,     /* hold: left without an acknowledgement */
    EXIT_STALE = 4,      /* stream: the saved manifest is another one, or none */
    EXIT_MISSING = 5,    /* cat: no such file */
    EXIT_NO_WORD = 6,    /* deliver: no word came */
    EXIT_WRAP = 125,     /* wrap: could not begin (the command never ran) */
    EXIT_NOT_EXEC = 126, /* wrap: the command cannot be executed */
    EXIT_NOT_FOUND = 127 /* wrap: no such command */
};

#define PATH_LIMIT 4096   /* a path with its final zero byte */
#define COPY_BUFFER 65536 /* size of the buffers that data passes through */

/*
 * Prints "ket-run: ..." and a newline to stderr in one write. A stderr that
 * nobody reads costs 200 ms and the message, and never more.
 */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

int64_t now_unix_ms(void);
int64_t now_monotonic_ms(void);

/* Writes all bytes or returns false with errno set. */
bool write_all(int fd, const void *data, size_t length);

/* Reads until `length` bytes or the end; the number read, or -1 with errno. */
ssize_t read_full(int fd, void *data, size_t length);

/*
 * Reads a small file whole into `buffer` and ends it with a zero byte. Returns
 * the length, or -1 with errno (EFBIG when it does not fit).
 */
ssize_t read_small_file(int dir, const char *name, char *buffer, size_t size);

/* Opens a folder given on the command line; -1 with errno. */
int open_folder(const char *path);

/*
 * Replaces `name` in `dir` at once: a temporary file beside it, fsync, rename.
 * A reader sees the old file, or the whole new one, or none.
 */
bool replace_file(int dir, const char *name, const void *data, size_t length);

/*
 * The same in two steps, for a file that must be possible to write later on a
 * volume that is full by then: reserve_file takes the space now.
 */
bool reserve_file(int dir, const char *name, size_t length);
bool commit_reserved(int dir, const char *name, const void *data, size_t length);
void release_reserved(int dir, const char *name);

#endif
