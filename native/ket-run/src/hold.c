/*
 * The native sidecar. It keeps the pod, and with it the results, until a driver
 * has fetched them, or is gone for too long, or the pod's grace ends. Then it
 * leaves one line in the termination message.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "args.h"
#include "base.h"
#include "cgroup.h"
#include "commands.h"
#include "json_write.h"
#include "manifest_read.h"
#include "record.h"
#include "signals.h"

enum {
    STEP_MS = 25,       /* an acknowledgement is noticed within 50 ms */
    IDLE_STEP_MS = 100, /* while the suite still runs */
    TEXT_MAX = 200
};

struct hold {
    int state_dir;
    const char *results;
    const char *nonce;
    const char *uid;
    const char *termination_log;
    int64_t contact_ms;
    int64_t grace_ms;
    struct timespec contact; /* the mark's time when last seen */
    int64_t contact_at;      /* when it last changed, by the monotonic clock */
    int64_t term_at;         /* when TERM came; -1: not yet */
};

static bool exists(int dir, const char *name)
{
    return faccessat(dir, name, F_OK, 0) == 0;
}

/*
 * Only that the mark changes counts, not what time it shows: the clock of the
 * node may jump.
 */
static void watch_contact(struct hold *h, int64_t now)
{
    struct stat st;
    if (fstatat(h->state_dir, "contact", &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return;
    }
    if (st.st_mtim.tv_sec != h->contact.tv_sec || st.st_mtim.tv_nsec != h->contact.tv_nsec) {
        h->contact = st.st_mtim;
        h->contact_at = now;
    }
}

static bool is_told_to_stay(const struct hold *h)
{
    char text[64];
    return read_small_file(h->state_dir, "hold", text, sizeof text) > 0 && now_unix_ms() < cgroup_number(text);
}

/* Why to leave now, or NULL. */
static const char *reason_to_leave(const struct hold *h, int64_t now)
{
    if (exists(h->state_dir, "ack") && (h->term_at >= 0 || exists(h->state_dir, "record.json"))) {
        return "acked";
    }
    if (h->term_at < 0) {
        return NULL; /* the suite still runs */
    }
    if (now - h->term_at >= h->grace_ms) {
        return "grace";
    }
    int64_t silent_since = h->contact_at > h->term_at ? h->contact_at : h->term_at;
    if (now - silent_since >= h->contact_ms && !is_told_to_stay(h)) {
        return "no-contact";
    }
    return NULL;
}

/* What goes with the pod: how much, and the names that fit, one a line. */
struct inventory {
    struct manifest_summary summary;
    char names[1024];
};

/* False where no manifest was saved. */
static bool saved_inventory(int state_dir, struct inventory *found)
{
    static struct manifest_reader r;
    static struct manifest_entry entry;
    static const char more[] = "\n...";
    if (manifest_open_saved(&r, state_dir) != MANIFEST_OK) {
        return false;
    }
    found->summary = r.summary;
    size_t length = 0;
    found->names[0] = '\0';
    while (manifest_next(&r, &entry) == MANIFEST_OK) {
        if (!entry.is_file || !entry.in_results) {
            continue;
        }
        size_t size = strlen(entry.path);
        if (length + 1 + size + sizeof more > sizeof found->names) {
            memcpy(found->names + length, more, sizeof more);
            break;
        }
        if (length > 0) {
            found->names[length++] = '\n';
        }
        memcpy(found->names + length, entry.path, size + 1);
        length += size;
    }
    manifest_close(&r);
    return true;
}

static void leave_message(const struct hold *h, const char *reason, const struct inventory *found)
{
    /* The kubelet takes 4096 bytes. Bytes of names may become six each. */
    char line[4000];
    struct json j;
    struct record_end end;
    const struct manifest_summary *summary = found == NULL ? NULL : &found->summary;
    bool record = record_read(h->state_dir, h->nonce, h->uid, &end);
    json_begin(&j, line, sizeof line);
    json_number(&j, "v", 1);
    json_text(&j, "nonce", h->nonce);
    json_bool(&j, "acked", strcmp(reason, "acked") == 0);
    json_text(&j, "reason", reason);
    json_bool(&j, "record", record);
    json_number_or_null(&j, "exit_code", record, end.exit_code);
    json_number_or_null(&j, "duration_ms", record, end.duration_ms);
    json_number_or_null(&j, "signal", record && end.signal != 0, end.signal);
    json_bool(&j, "timed_out", record && end.timed_out);
    json_number_or_null(&j, "oom_kills", record && end.oom_kills >= 0, end.oom_kills);
    json_number_or_null(&j, "files", summary != NULL, summary == NULL ? 0 : summary->files);
    json_number_or_null(&j, "bytes", summary != NULL, summary == NULL ? 0 : summary->bytes);
    json_text(&j, "manifest_sha256", summary == NULL ? NULL : summary->sha256);
    struct json without = j;
    json_text(&j, "names", found == NULL ? NULL : found->names);
    json_end(&j);
    if (j.full) {
        j = without;
        json_end(&j);
    }
    int fd = open(h->termination_log, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0644);
    if (fd < 0 || j.full || !write_all(fd, line, j.length)) {
        say("cannot write the termination message: %s", j.full ? "too long" : strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void leave(const struct hold *h, const char *reason)
{
    static struct inventory found;
    bool known = saved_inventory(h->state_dir, &found);
    leave_message(h, reason, known ? &found : NULL);
    if (!known && strcmp(reason, "no-contact") == 0) {
        /* Nobody ever asked: there is time to say at least what is lost. The
         * first message stands, should this one not be finished. */
        struct manifest_summary summary;
        int fd = manifest_make(h->state_dir, h->results, MANIFEST_UNCAPPED, &summary);
        if (fd >= 0) {
            close(fd);
        }
        if (fd >= 0 && saved_inventory(h->state_dir, &found)) {
            leave_message(h, reason, &found);
        }
    }
}

static const char *wait_for_reason(struct hold *h, int signals)
{
    for (;;) {
        struct pollfd polled = {.fd = signals, .events = POLLIN};
        poll(&polled, 1, h->term_at < 0 ? IDLE_STEP_MS : STEP_MS);
        int64_t now = now_monotonic_ms();
        int number;
        while ((number = signals_next(signals)) != 0) {
            if (number == SIGTERM && h->term_at < 0) {
                h->term_at = now;
            }
        }
        while (waitpid(-1, NULL, WNOHANG) > 0) {
            /* As process 1 it inherits what the driver's commands leave. */
        }
        watch_contact(h, now);
        const char *reason = reason_to_leave(h, now);
        if (reason != NULL) {
            return reason;
        }
    }
}

int command_hold(int argc, char **argv)
{
    static struct hold h;
    const char *state = NULL;
    h.termination_log = "/dev/termination-log";
    h.term_at = -1;
    h.contact_at = -1;
    const struct option_spec specs[] = {{"state", OPTION_TEXT, true, &state, NULL},
                                        {"results", OPTION_TEXT, true, &h.results, NULL},
                                        {"nonce", OPTION_TEXT, true, &h.nonce, NULL},
                                        {"uid", OPTION_TEXT, true, &h.uid, NULL},
                                        {"contact-ms", OPTION_NUMBER, true, NULL, &h.contact_ms},
                                        {"grace-ms", OPTION_NUMBER, true, NULL, &h.grace_ms},
                                        {"termination-log", OPTION_TEXT, false, &h.termination_log, NULL},
                                        {0}};
    /* INT, HUP and the like must not take the results away either. */
    static const int watched[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD, 0};
    sigset_t before;
    int signals = signals_open(watched, &before);
    if (signals < 0) {
        say("cannot watch signals: %s", strerror(errno));
        return EXIT_IO;
    }
    if (!parse_options(argc, argv, specs, NULL)) {
        return EXIT_USAGE;
    }
    if (strlen(h.nonce) > TEXT_MAX || strlen(h.uid) > TEXT_MAX) {
        say("--nonce or --uid is longer than 200 bytes");
        return EXIT_USAGE;
    }
    h.state_dir = open_folder(state);
    if (h.state_dir < 0) {
        say("cannot open %s: %s", state, strerror(errno));
        return EXIT_IO;
    }
    const char *reason = wait_for_reason(&h, signals);
    leave(&h, reason);
    return strcmp(reason, "acked") == 0 ? EXIT_OK : EXIT_NO_ACK;
}
