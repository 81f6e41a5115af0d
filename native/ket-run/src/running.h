/* What the container is doing: for the message of a time limit. */
#ifndef KET_RUNNING_H
#define KET_RUNNING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * The command line, with spaces between its words, of the process that was
 * started last: with a runner that starts a process per test that is the test.
 * Of all in the container where ket-run is its first process, else of the
 * command's process group. False when none can be read.
 */
bool newest_process(pid_t group, char *text, size_t size);

#endif
