// SPDX-License-Identifier: GPL-2.0-or-later
/* Picks the command; everything else is in cmd_*.c. The first command is the default. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "options.h"

static const struct command COMMANDS[] = {
#define COMMAND(name, takes, summary, description, statuses)                                                           \
	{ #name, cmd_##name, takes, summary, description, statuses },
#include "commands.def"
#undef COMMAND
};

#define COMMANDS_N (sizeof(COMMANDS) / sizeof(COMMANDS[0]))

static const struct command *command_named(const char *name)
{
	for (size_t i = 0; i < COMMANDS_N; i++)
		if (!strcmp(COMMANDS[i].name, name))
			return &COMMANDS[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct command *command = &COMMANDS[0];
	enum exit_status status;
	struct options opt;
	int parsed;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))) {
		options_help(COMMANDS, COMMANDS_N);
		return 0;
	}
	if (argc > 1 && argv[1][0] != '-') {
		command = command_named(argv[1]);
		if (!command) {
			fprintf(stderr, "mtuscope: unknown command: %s; see mtuscope --help\n", argv[1]);
			return EXIT_UNKNOWN;
		}
		argc--;
		argv++;
	}
	parsed = options_parse(&opt, command, argc, argv);
	if (parsed)
		return parsed > 0 ? 0 : EXIT_UNKNOWN;
	status = command->run(&opt);
	options_free(&opt);
	return status;
}
