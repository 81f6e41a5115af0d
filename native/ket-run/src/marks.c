/* The subcommands ack and keep, and what they do. */
#include "marks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "base.h"
#include "commands.h"
#include "contact.h"
#include "serve.h"

static int leave_mark(int state_dir, const char *name, const char *text)
{
    touch_contact(state_dir);
    bool good = replace_file(state_dir, name, text, strlen(text));
    if (!good) {
        say("cannot write %s: %s", name, strerror(errno));
    }
    return good ? EXIT_OK : EXIT_IO;
}

int mark_acknowledged(int state_dir, const char *sha256)
{
    char text[80];
    snprintf(text, sizeof text, "%s\n", sha256);
    return leave_mark(state_dir, "ack", text);
}

int mark_kept(int state_dir, int64_t until)
{
    char text[32];
    snprintf(text, sizeof text, "%lld\n", (long long)until);
    return leave_mark(state_dir, "hold", text);
}

int command_ack(int argc, char **argv)
{
    const char *state = NULL, *sha256 = NULL;
    const struct option_spec specs[] = {{"state", OPTION_TEXT, true, &state, NULL},
                                        {"manifest", OPTION_SHA256, true, &sha256, NULL},
                                        {0}};
    if (!parse_options(argc, argv, specs, NULL)) {
        return EXIT_USAGE;
    }
    int state_dir = open_or_say(state);
    return state_dir < 0 ? EXIT_IO : mark_acknowledged(state_dir, sha256);
}

int command_keep(int argc, char **argv)
{
    const char *state = NULL;
    int64_t until = 0;
    const struct option_spec specs[] = {{"state", OPTION_TEXT, true, &state, NULL},
                                        {"until", OPTION_NUMBER, true, NULL, &until},
                                        {0}};
    if (!parse_options(argc, argv, specs, NULL)) {
        return EXIT_USAGE;
    }
    int state_dir = open_or_say(state);
    return state_dir < 0 ? EXIT_IO : mark_kept(state_dir, until);
}
