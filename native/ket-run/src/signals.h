/*
 * Signals as something to poll: they are blocked and read from a descriptor.
 * That also makes them reach a process 1, which otherwise loses those without
 * a handler.
 */
#ifndef KET_SIGNALS_H
#define KET_SIGNALS_H

#include <signal.h>

/* Blocks `signals` (ended by 0); `before` gets the old mask. -1 with errno. */
int signals_open(const int *signals, sigset_t *before);

/* The next signal that came, or 0 when there is none. */
int signals_next(int fd);

#endif
