/* The subcommands: each gets the arguments after its name, returns the exit code. */
#ifndef KET_COMMANDS_H
#define KET_COMMANDS_H

int command_wrap(int argc, char **argv);
int command_hold(int argc, char **argv);
int command_manifest(int argc, char **argv);
int command_stream(int argc, char **argv);
int command_deliver(int argc, char **argv);
int command_cat(int argc, char **argv);
int command_ack(int argc, char **argv);
int command_keep(int argc, char **argv);
int command_share(int argc, char **argv);
int command_tell(int argc, char **argv);
int command_probe(int argc, char **argv);
int command_answer(int argc, char **argv);
int command_connect(int argc, char **argv);

#endif
