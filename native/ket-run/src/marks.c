/* The two marks a driver leaves for `hold`: the acknowledgement, and "stay". */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "base.h"
#include "commands.h"
#include "contact.h"

static int leave_mark(const char *state, const char *name, const char *text)
{
    int dir = open_folder(state);
    if (dir < 0) {
        say("cannot open %s: %s", state, strerror(errno));
        return EXIT_IO;
    }
    touch_contact(dir);
    bool good = replace_file(dir, name, text, strlen(text));
    if (!good) {
        say("cannot write %s/%s: %s", state, name, strerror(errno));
    }
    close(dir);
    return good ? EXIT_OK : EXIT_IO;
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
    char text[80];
    snprintf(text, sizeof text, "%s\n", sha256);
    return leave_mark(state, "ack", text);
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
    char text[32];
    snprintf(text, sizeof text, "%lld\n", (long long)until);
    return leave_mark(state, "hold", text);
}
