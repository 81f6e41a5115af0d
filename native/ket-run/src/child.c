#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base.h"

/* What the new process tells when it does not get as far as the command. */
struct failure {
    int error;
    bool in_folder; /* entering the folder failed, not executing */
};

static bool open_pipe(int ends[2])
{
    return pipe(ends) == 0 && fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0 && fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0;
}

static _Noreturn void become(char **argv, const char *folder, const sigset_t *mask, int out, int err, int report)
{
    struct failure failure = {0};
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    if (isatty(STDIN_FILENO)) {
        /* Reading from a terminal would stop a background group. */
        int null = open("/dev/null", O_RDONLY);
        if (null >= 0) {
            dup2(null, STDIN_FILENO);
            close(null);
        }
    }
    if (dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0) {
        if (folder != NULL && chdir(folder) != 0) {
            failure.in_folder = true;
        } else {
            sigprocmask(SIG_SETMASK, mask, NULL);
            execvp(argv[0], argv);
        }
    }
    failure.error = errno;
    (void)write_all(report, &failure, sizeof failure);
    _exit(EXIT_NOT_EXEC);
}

static void explain(struct child *c, const struct failure *f, const char *name, const char *folder)
{
    c->exec_code = EXIT_NOT_EXEC;
    const char *hint = "";
    if (f->in_folder) {
        snprintf(c->exec_error, sizeof c->exec_error, "cannot enter the folder %.200s: %s", folder, strerror(f->error));
        return;
    }
    if (f->error == ENOENT || f->error == ENOTDIR) {
        c->exec_code = EXIT_NOT_FOUND;
        if (strchr(name, '/') == NULL) {
            hint = " (not in the PATH of the image)";
        } else if (folder == NULL && access(name, F_OK) == 0) {
            hint = " (the file is there, but the interpreter or loader it names is not)";
        }
    } else if (f->error == ENOEXEC) {
        hint = " (another architecture, or a script without a #! line)";
    }
    snprintf(c->exec_error, sizeof c->exec_error, "cannot execute %.200s: %s%s", name, strerror(f->error), hint);
}

static void fail(struct child *c, const char *what)
{
    c->pid = -1;
    c->exec_code = EXIT_WRAP;
    snprintf(c->exec_error, sizeof c->exec_error, "%s: %s", what, strerror(errno));
}

void child_start(struct child *c, char **argv, const char *folder, const sigset_t *mask)
{
    int out[2], err[2], report[2];
    *c = (struct child){.pid = -1, .out = -1, .err = -1};
    if (!open_pipe(out) || !open_pipe(err) || !open_pipe(report)) {
        fail(c, "cannot make a pipe");
        return;
    }
    c->pid = fork();
    if (c->pid < 0) {
        fail(c, "cannot start a process");
        return;
    }
    if (c->pid == 0) {
        become(argv, folder, mask, out[1], err[1], report[1]);
    }
    /* On both sides: whoever comes first, the group is there before it is used. */
    setpgid(c->pid, c->pid);
    close(out[1]);
    close(err[1]);
    close(report[1]);
    c->out = out[0];
    c->err = err[0];
    fcntl(c->out, F_SETFL, O_NONBLOCK);
    fcntl(c->err, F_SETFL, O_NONBLOCK);
    struct failure failure;
    if (read_full(report[0], &failure, sizeof failure) == (ssize_t)sizeof failure) {
        explain(c, &failure, argv[0], folder);
    }
    close(report[0]);
}
