/*
 * Carries one output stream of the command to ket-run's own, and into
 * console.log. It never blocks: a slow reader holds the command back, as it
 * would without ket-run, but not the time limit.
 */
#ifndef KET_PUMP_H
#define KET_PUMP_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base.h"

struct console {
    int fd;
    int error; /* errno why no more is written to it */
    int64_t bytes;
};

struct pump {
    int source;       /* read end of the command's pipe, -1 at its end */
    int sink;         /* 1 or 2 */
    bool sink_waits;  /* a pipe or terminal: small writes when it is ready */
    int error;        /* errno why no more is written to the sink */
    int64_t bytes;    /* read from the command */
    int64_t owed;     /* still to be read although the command has ended */
    int64_t read_ms;  /* when bytes last came */
    int64_t write_ms; /* when the sink last took bytes, or had none to take */
    size_t start;     /* what of the buffer the sink has yet to take */
    size_t end;
    char buffer[COPY_BUFFER];
};

void console_open(struct console *c, int state_dir);

void pump_begin(struct pump *p, int source, int sink);

/* Adds what the pump waits for to `polled`; the number of entries added. */
size_t pump_poll(const struct pump *p, bool reading, struct pollfd *polled);

/* Carries what can be carried now without waiting. */
void pump_run(struct pump *p, bool reading, struct console *console, int64_t now_ms);

/* The command has ended: what is in the pipe now must still be delivered. */
void pump_note_owed(struct pump *p, int64_t now_ms);

/* Nothing more is owed and the sink has taken all, or is given up. */
bool pump_is_empty(const struct pump *p);

/* Gives the sink up when it took nothing for so long. */
void pump_drop_stalled(struct pump *p, int64_t now_ms, int64_t patience_ms);

#endif
