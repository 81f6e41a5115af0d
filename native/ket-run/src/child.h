/* Starts the suite's command in a process group of its own. */
#ifndef KET_CHILD_H
#define KET_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct child {
    pid_t pid;     /* also its group; -1: it could not be started */
    int out;       /* read ends of its stdout and stderr, non-blocking */
    int err;
    int exec_code; /* 0, or 125, 126, 127 when the command could not be executed */
    char exec_error[512];
};

/*
 * `argv` ends with NULL, `folder` may be NULL, `mask` is the signal mask that
 * the command gets. Returns when the command runs or has failed to.
 */
void child_start(struct child *c, char **argv, const char *folder, const sigset_t *mask);

#endif
