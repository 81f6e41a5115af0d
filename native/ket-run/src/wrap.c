/*
 * Runs the suite's command as its container's first process would: signals
 * passed on, orphans reaped, the exit code unchanged. Around it the time limit,
 * the copy of its output, the counters and the record.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "args.h"
#include "base.h"
#include "child.h"
#include "commands.h"
#include "pump.h"
#include "record.h"
#include "running.h"
#include "signals.h"
#include "usage.h"

enum {
    QUIET_MS = 200,    /* nothing came for so long: what was written is here */
    DRAIN_MS = 2000,   /* grandchildren that go on writing are not waited for */
    CLEAR_MS = 5000,   /* what is left of the group has so long after TERM */
    STALL_MS = 10000,  /* a reader that takes nothing, after the command ended */
    STEP_MS = 20,      /* how often the end's conditions are looked at */
    RUNNING_MAX = 400, /* of a command line, in the record */
    TEXT_MAX = 200     /* length of nonce and uid */
};

enum phase {
    RUNNING,
    DRAINING, /* the command has ended; its output is on its way */
    CLEARING, /* what is left of its group was told to end */
    FLUSHING, /* the last of the output */
    DONE
};

struct wrap {
    enum phase phase;
    int state_dir;
    int signals;
    int64_t limit_ms;
    int64_t grace_ms;
    int64_t kill_at;  /* when the group gets KILL; INT64_MAX: not planned */
    int64_t limit_at; /* when the limit is over */
    int64_t until;    /* end of the phase, after RUNNING */
    bool killed;
    struct child child;
    struct pump out;
    struct pump err;
    struct console console;
    struct usage usage;
    struct record record;
    char running[RUNNING_MAX];
};

static int64_t later(int64_t now, int64_t wait)
{
    return wait > INT64_MAX - now ? INT64_MAX : now + wait;
}

static void signal_group(const struct wrap *w, int number)
{
    if (w->child.pid > 0) {
        kill(-w->child.pid, number);
    }
}

static void plan_kill(struct wrap *w, int64_t now)
{
    if (w->kill_at == INT64_MAX) {
        w->kill_at = later(now, w->grace_ms);
    }
}

static void command_ended(struct wrap *w, int status, int64_t now)
{
    w->record.ended_ms = now_unix_ms();
    w->record.duration_ms = now - w->usage.started_ms;
    if (w->child.exec_code != 0) {
        w->record.exit_code = w->child.exec_code;
    } else if (WIFSIGNALED(status)) {
        w->record.signal = WTERMSIG(status);
        w->record.exit_code = 128 + w->record.signal;
    } else {
        w->record.exit_code = WEXITSTATUS(status);
    }
    w->phase = DRAINING;
    w->until = now + DRAIN_MS;
    pump_note_owed(&w->out, now);
    pump_note_owed(&w->err, now);
    w->out.read_ms = w->err.read_ms = now;
}

static void reap(struct wrap *w, int64_t now)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == w->child.pid && w->phase == RUNNING) {
            command_ended(w, status, now);
        }
    }
}

static void take_signals(struct wrap *w, int64_t now)
{
    int number;
    while ((number = signals_next(w->signals)) != 0) {
        if (number == SIGCHLD) {
            continue; /* reaped in any case */
        }
        signal_group(w, number);
        if (number == SIGUSR1 || number == SIGUSR2) {
            continue;
        }
        if (w->record.term_received == 0) {
            w->record.term_received = number;
        }
        if (number == SIGTERM) {
            /* Else a command that ignores it would take the record with it
             * when the pod's own grace ends. */
            plan_kill(w, now);
        }
    }
}

static void keep_limit(struct wrap *w, int64_t now)
{
    if (w->phase != RUNNING) {
        return;
    }
    if (now >= w->limit_at && !w->record.timed_out) {
        w->record.timed_out = true;
        if (newest_process(w->child.pid, w->running, sizeof w->running)) {
            w->record.running = w->running;
        }
        signal_group(w, SIGTERM);
        plan_kill(w, now);
        say("the time limit of %lld ms is over", (long long)w->limit_ms);
    }
    if (now >= w->kill_at && !w->killed) {
        w->killed = true;
        signal_group(w, SIGKILL);
    }
}

/* Whether a pump has brought what it must, and nothing more is to be expected. */
static bool is_drained(const struct wrap *w, const struct pump *p, int64_t now)
{
    if (!pump_is_empty(p)) {
        return false;
    }
    return p->source < 0 || now >= w->until || now - p->read_ms >= QUIET_MS;
}

static bool group_is_gone(const struct wrap *w)
{
    return kill(-w->child.pid, 0) != 0 && errno == ESRCH;
}

static void begin_flushing(struct wrap *w, int64_t now)
{
    w->phase = FLUSHING;
    w->until = now;
    pump_note_owed(&w->out, now);
    pump_note_owed(&w->err, now);
}

static void advance(struct wrap *w, int64_t now)
{
    if (w->phase > RUNNING) {
        pump_drop_stalled(&w->out, now, STALL_MS);
        pump_drop_stalled(&w->err, now, STALL_MS);
    }
    bool drained = is_drained(w, &w->out, now) && is_drained(w, &w->err, now);
    switch (w->phase) {
    case DRAINING:
        if (!drained) {
            break;
        }
        if (group_is_gone(w)) {
            w->phase = DONE;
            break;
        }
        signal_group(w, SIGTERM);
        w->phase = CLEARING;
        w->until = now + (w->grace_ms < CLEAR_MS ? w->grace_ms : CLEAR_MS);
        w->killed = false;
        break;
    case CLEARING:
        if (group_is_gone(w)) {
            begin_flushing(w, now);
        } else if (now >= w->until && !w->killed) {
            signal_group(w, SIGKILL);
            w->killed = true;
            w->until = now + QUIET_MS;
        } else if (now >= w->until) {
            begin_flushing(w, now); /* it cannot be killed now; leave all the same */
        }
        break;
    case FLUSHING:
        if (drained) {
            w->phase = DONE;
        }
        break;
    case RUNNING:
    case DONE:
        break;
    }
}

static int wait_time(const struct wrap *w, int64_t now)
{
    if (w->phase != RUNNING) {
        return STEP_MS;
    }
    int64_t at = w->usage.next_ms;
    if (!w->record.timed_out && w->limit_at < at) {
        at = w->limit_at;
    }
    if (!w->killed && w->kill_at < at) {
        at = w->kill_at;
    }
    int64_t wait = at - now;
    return wait < 0 ? 0 : wait > 1000 ? 1000 : (int)wait;
}

static bool may_read(const struct wrap *w, const struct pump *p, int64_t now)
{
    return w->phase == RUNNING || p->owed > 0 || now < w->until;
}

static void carry(struct wrap *w, struct pump *p, int64_t now)
{
    pump_run(p, may_read(w, p, now), &w->console, now);
}

static void run(struct wrap *w)
{
    while (w->phase != DONE) {
        int64_t now = now_monotonic_ms();
        struct pollfd polled[3] = {{.fd = w->signals, .events = POLLIN}};
        size_t count = 1;
        count += pump_poll(&w->out, may_read(w, &w->out, now), polled + count);
        count += pump_poll(&w->err, may_read(w, &w->err, now), polled + count);
        poll(polled, count, wait_time(w, now));
        now = now_monotonic_ms();
        carry(w, &w->out, now);
        carry(w, &w->err, now);
        take_signals(w, now);
        reap(w, now);
        keep_limit(w, now);
        usage_tick(&w->usage, now);
        advance(w, now);
    }
}

/* Descriptors 0, 1 and 2 must be taken, or a pipe would get one of them. */
static void fill_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0) {
            /* Opened the wrong way round for 1 and 2: writing then fails and
             * is told, instead of vanishing. */
            (void)open("/dev/null", O_RDONLY);
        }
    }
}

static void finish_record(struct wrap *w)
{
    struct record *r = &w->record;
    usage_end(&w->usage, now_monotonic_ms());
    r->exec_error = w->child.exec_code == 0 ? NULL : w->child.exec_error;
    r->oom_kills = usage_oom_kills(&w->usage);
    r->memory_peak_bytes = w->usage.peak_bytes;
    r->cpu_usec = usage_cpu_usec(&w->usage);
    r->cgroup = w->usage.group.version;
    r->stdout_bytes = w->out.bytes;
    r->stderr_bytes = w->err.bytes;
    r->console_bytes = w->console.bytes;
    r->console_error = w->console.error;
    r->stdout_error = w->out.error;
    r->stderr_error = w->err.error;
    r->usage_error = w->usage.error;
}

static int wrap(struct wrap *w, char **argv, const char *folder, const char *cgroup_root)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD, 0};
    sigset_t before;
    w->signals = signals_open(signals, &before);
    if (w->signals < 0) {
        say("cannot watch signals: %s", strerror(errno));
        return EXIT_WRAP;
    }
    /* Also where it is not process 1: orphans are its to reap. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    w->record.started_ms = now_unix_ms();
    if (!record_begin(w->state_dir, &w->record)) {
        say("cannot write into the state folder: %s", strerror(errno));
        return EXIT_WRAP;
    }
    console_open(&w->console, w->state_dir);
    int64_t now = now_monotonic_ms();
    usage_begin(&w->usage, w->state_dir, cgroup_root, now);
    w->limit_at = later(now, w->limit_ms);
    w->kill_at = INT64_MAX;
    child_start(&w->child, argv, folder, &before);
    pump_begin(&w->out, w->child.out, STDOUT_FILENO);
    pump_begin(&w->err, w->child.err, STDERR_FILENO);
    if (w->child.exec_code != 0) {
        say("%s", w->child.exec_error);
    }
    if (w->child.pid > 0) {
        run(w);
    } else {
        w->record.ended_ms = w->record.started_ms;
        w->record.exit_code = w->child.exec_code;
    }
    finish_record(w);
    if (!record_end(w->state_dir, &w->record)) {
        say("cannot write the record: %s", strerror(errno));
    }
    return w->record.exit_code;
}

int command_wrap(int argc, char **argv)
{
    static struct wrap w;
    const char *state = NULL, *results = NULL, *folder = NULL, *cgroup_root = "/sys/fs/cgroup";
    int rest;
    const struct option_spec specs[] = {{"state", OPTION_TEXT, true, &state, NULL},
                                        {"results", OPTION_TEXT, true, &results, NULL},
                                        {"nonce", OPTION_TEXT, true, &w.record.nonce, NULL},
                                        {"uid", OPTION_TEXT, true, &w.record.uid, NULL},
                                        {"limit-ms", OPTION_NUMBER, true, NULL, &w.limit_ms},
                                        {"grace-ms", OPTION_NUMBER, true, NULL, &w.grace_ms},
                                        {"dir", OPTION_TEXT, false, &folder, NULL},
                                        {"cgroup-root", OPTION_TEXT, false, &cgroup_root, NULL},
                                        {0}};
    fill_standard_descriptors();
    if (!parse_options(argc, argv, specs, &rest)) {
        return EXIT_WRAP;
    }
    if (rest >= argc || strlen(w.record.nonce) > TEXT_MAX || strlen(w.record.uid) > TEXT_MAX) {
        say(rest >= argc ? "the command is missing (after --)" : "--nonce or --uid is longer than 200 bytes");
        return EXIT_WRAP;
    }
    int results_dir = open_folder(results);
    w.state_dir = open_folder(state);
    if (results_dir < 0 || w.state_dir < 0) {
        say("cannot open %s: %s", results_dir < 0 ? results : state, strerror(errno));
        return EXIT_WRAP;
    }
    close(results_dir);
    w.record.argv0 = argv[rest];
    return wrap(&w, argv + rest, folder, cgroup_root);
}
