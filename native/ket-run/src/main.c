/*
 * ket-run: the one program that ket brings into a pod. It wraps the suite's
 * command, holds the pod until the results are fetched, serves them, tells a shard
 * which tests are its own, and looks at the network from where it is, or carries a connection from there.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base.h"
#include "commands.h"

static int command_version(int argc, char **argv)
{
    (void)argv;
    if (argc > 0) {
        say("version takes no arguments");
        return EXIT_USAGE;
    }
    static const char text[] = "ket-run " KET_RUN_VERSION "\n";
    if (!write_all(STDOUT_FILENO, text, sizeof text - 1)) {
        say("cannot write to stdout");
        return EXIT_IO;
    }
    return EXIT_OK;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"wrap", command_wrap},     {"hold", command_hold},       {"manifest", command_manifest},
    {"stream", command_stream}, {"deliver", command_deliver}, {"cat", command_cat},
    {"ack", command_ack},       {"keep", command_keep},       {"share", command_share},
    {"tell", command_tell},     {"probe", command_probe},     {"answer", command_answer},
    {"connect", command_connect}, {"version", command_version},
};

int main(int argc, char **argv)
{
    /* A reader that went away is an error to report, not a silent death. */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        say("a subcommand is missing (wrap, hold, manifest, stream, deliver, cat, ack, keep, share, tell, probe, answer, connect, version)");
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 2, argv + 2);
        }
    }
    say("unknown subcommand: %s", argv[1]);
    return EXIT_USAGE;
}
