// SPDX-License-Identifier: GPL-2.0-or-later
/* The option table, parsing by it, and the help texts made from it. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink.h"

struct option_spec {
	int letter; /* identifies it in struct command; printed as short option if it is a letter that may be typed */
	bool typed;
	const char *name;
	const char *argument; /* NULL: none */
	const char *text;
};

static const struct option_spec OPTIONS[] = {
	{ 'i', true, "interface", "IF",
	  "only this interface (repeatable; default: every WireGuard interface and the links under them)" },
	{ 'd', true, "duration", "TIME", "end after TIME: 20, 20s, 5m, 1h" },
	{ 'j', false, "json", NULL, "write one JSON record a line, the same as --format ecs" },
	{ 'f', false, "format", "NAME", "write records as: text, ecs, ocsf, cef, rfc5424, journal" },
	{ 'o', true, "output", "FILE", "append records to FILE instead of standard output" },
	{ 'P', false, "probe", NULL,
	  "confirm a black hole with at most 40 probes, and measure the path MTU (the default on a terminal)" },
	{ 'p', false, "no-probe", NULL, "send nothing, only observe (the default elsewhere)" },
	{ 'b', false, "btf", "FILE", "type information of the running kernel, if it has no /sys/kernel/btf/vmlinux" },
	{ 'C', false, "no-color", NULL, "no colours, also by the environment variable NO_COLOR" },
	{ 'v', true, "verbose", NULL, "say more (repeatable)" },
	{ 'h', true, "help", NULL, "this text" },
};

#define OPTIONS_N (sizeof(OPTIONS) / sizeof(OPTIONS[0]))

static bool takes(const struct command *command, const struct option_spec *spec)
{
	return spec->letter == 'h' || strchr(command->takes, spec->letter);
}

static int parse_duration(const char *text, uint64_t *ms)
{
	static const struct {
		char unit;
		uint64_t ms;
	} UNITS[] = { { '\0', 1000 }, { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 } };
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || *text == '-' || n == 0 || n > 1000000000ULL || (*end && end[1]))
		return -1;
	for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
		if (UNITS[i].unit == *end) {
			*ms = n * UNITS[i].ms;
			return 0;
		}
	}
	return -1;
}

static int usage_error(const char *what, const char *about, const struct command *command)
{
	fprintf(stderr, "mtuscope %s: %s: %s; see mtuscope %s --help\n", command->name, what, about, command->name);
	return -1;
}

static int take(struct options *opt, const struct command *command, int letter, const char *arg)
{
	switch (letter) {
	case 'i':
		if (!*arg || strlen(arg) >= IFACE_NAME_LEN)
			return usage_error("not an interface name", arg, command);
		if (opt->interfaces_n == WIRE_LINKS)
			return usage_error("too many interfaces, at", arg, command);
		opt->interfaces[opt->interfaces_n++] = arg;
		return 0;
	case 'd':
		return parse_duration(arg, &opt->duration_ms) ? usage_error("not a duration", arg, command) : 0;
	case 'j':
		opt->sink = sink_named("ecs");
		return 0;
	case 'f':
		opt->sink = sink_named(arg);
		return opt->sink ? 0 : usage_error("unknown format", arg, command);
	case 'o':
		opt->output = arg;
		return 0;
	case 'P':
	case 'p':
		opt->probe = letter == 'P' ? PROBE_YES : PROBE_NO;
		return 0;
	case 'b':
		opt->btf = arg;
		return 0;
	case 'C':
		opt->no_color = true;
		return 0;
	case 'v':
		opt->verbose++;
		return 0;
	default:
		return 0;
	}
}

/* getopt's two tables for this command, from OPTIONS. */
static void getopt_tables(const struct command *command, char *letters, struct option *longs)
{
	*letters++ = ':';
	for (size_t i = 0; i < OPTIONS_N; i++) {
		const struct option_spec *spec = &OPTIONS[i];

		if (!takes(command, spec))
			continue;
		*longs++ = (struct option){ spec->name, spec->argument ? required_argument : no_argument, NULL,
					    spec->letter };
		if (!spec->typed)
			continue;
		*letters++ = spec->letter;
		if (spec->argument)
			*letters++ = ':';
	}
	*letters = '\0';
	*longs = (struct option){ 0 };
}

int options_parse(struct options *opt, const struct command *command, int argc, char **argv)
{
	struct option longs[OPTIONS_N + 1];
	char letters[2 * OPTIONS_N + 2];
	int letter;

	memset(opt, 0, sizeof(*opt));
	opt->no_color = getenv("NO_COLOR") && *getenv("NO_COLOR");
	getopt_tables(command, letters, longs);
	opterr = 0;
	optind = 1;
	while ((letter = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (letter == 'h') {
			options_help_command(command);
			return 1;
		}
		if (letter == ':')
			return usage_error("needs a value", argv[optind - 1], command);
		if (letter == '?')
			return usage_error("unknown option", argv[optind - 1], command);
		if (take(opt, command, letter, optarg))
			return -1;
	}
	if (optind < argc)
		return usage_error("unexpected argument", argv[optind], command);
	return 0;
}

static void print_option(const struct option_spec *spec)
{
	char name[48];

	snprintf(name, sizeof(name), "--%s%s%s", spec->name, spec->argument ? " " : "",
		 spec->argument ? spec->argument : "");
	if (spec->typed)
		printf("  -%c, %-22s %s\n", spec->letter, name, spec->text);
	else
		printf("      %-22s %s\n", name, spec->text);
}

void options_help_command(const struct command *command)
{
	printf("usage: mtuscope %s [OPTION]...\n\n%s\n\n", command->name, command->description);
	for (size_t i = 0; i < OPTIONS_N; i++)
		if (takes(command, &OPTIONS[i]))
			print_option(&OPTIONS[i]);
	printf("\nExit status: 0 nothing found, 1 warning, 2 critical (a black hole), 3 could not tell.\n");
}

void options_help(const struct command *commands, size_t n)
{
	printf("usage: mtuscope [COMMAND] [OPTION]...\n\n"
	       "Finds MTU black holes on WireGuard gateways: packets above some size vanish in a tunnel's path and "
	       "nobody\n"
	       "says so. It names the peer, the direction, the path MTU and the command that cures it. It sees the "
	       "network\n"
	       "namespace that it is started in.\n\nCommands:\n");
	for (size_t i = 0; i < n; i++)
		printf("  %-10s %s%s\n", commands[i].name, commands[i].summary, i ? "" : " (default)");
	printf("\n  mtuscope COMMAND --help    the command's options\n  mtuscope --version\n");
}
