// SPDX-License-Identifier: GPL-2.0-or-later
/* The option table, parsing by it, and the help texts made from it. */
#include "options_internal.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "fix.h"
#include "sink.h"

static const struct option_spec OPTIONS[] = {
	{ 'i', true, "interface", "IF",
	  "only this interface (repeatable; default: every WireGuard interface and the links under them)" },
	{ 'd', true, "duration", "TIME", "end after TIME: 20, 20s, 5m, 1h" },
	{ 'j', false, "json", NULL, "write one JSON record a line, the same as --format ecs" },
	{ 'f', false, "format", "NAME", "write records as: text, ecs, ocsf, cef, rfc5424, journal" },
	{ 'o', true, "output", "FILE", "append records to FILE instead of standard output" },
	{ 'R', false, "record", "FILE", "write what is seen to FILE as well, for mtuscope report" },
	{ 'H', false, "html", "OUT",
	  "write the report as one page to OUT as well, which needs nothing else to be read" },
	{ 'P', false, "probe", NULL,
	  "confirm a black hole with at most 40 probes, and measure the path MTU (watch does on a terminal)" },
	{ 'M', false, "probe", NULL,
	  "first measure the paths to the peers, by each uplink, with at most 40 probes each; the smallest counts" },
	{ 'p', false, "no-probe", NULL, "send nothing, only observe (the default but for that)" },
	{ 'J', false, "journal", NULL, "write records to journald" },
	{ 'S', false, "syslog", "WHERE",
	  "send records as RFC 5424 to local, unix:PATH, udp:HOST:PORT or tcp:HOST:PORT (repeatable)" },
	{ 'T', false, "textfile", "DIR", "write metrics to DIR/mtuscope.prom every ten seconds" },
	{ 'L', false, "listen", "ADDRESS",
	  "serve metrics at http://ADDRESS/metrics: PORT (on 127.0.0.1), HOST:PORT, unix:PATH (repeatable)" },
	{ 'N', false, "no-peer-labels", NULL, "metrics without public keys, all peers of a tunnel together" },
	{ 'u', false, "user", "NAME", "run as this user once attached (default: mtuscope if it exists, or nobody)" },
	{ 'c', false, "config", "FILE", "read options from FILE (default: " CONFIG_PATH ", if it exists)" },
	{ 'k', false, "check-config", NULL, "read the options and the configuration, say what is wrong, and end" },
	{ 'F', false, "from", "ADDRESS|IF",
	  "measure beside the tunnel, from there (repeatable): for each uplink its own result" },
	{ 'b', false, "btf", "FILE", "type information of the running kernel, if it has no /sys/kernel/btf/vmlinux" },
	{ 'A', false, "apply", NULL, "do it; without this nothing is changed" },
	{ 'K', false, "persist", NULL,
	  "with --apply: also write the MTU into the wg-quick file, and keep the old one" },
	{ 'U', false, "undo", NULL, "with --apply: take back what fix has done to the interface and to its file" },
	{ 'm', true, "mtu", "N", "the tunnel MTU to set, as measured, instead of the one that is planned" },
	{ 'e', false, "peer", "KEY", "the routes to this peer alone get the MTU, instead of the interface" },
	{ 'C', false, "no-color", NULL, "no colours, also by the environment variable NO_COLOR" },
	{ 'v', true, "verbose", NULL, "say more (repeatable)" },
	{ 'h', true, "help", NULL, "this text" },
	{ 'V', false, "version", NULL, "the program's version" },
};

#define OPERAND	  "PEER|ADDRESS"
#define OPTIONS_N (sizeof(OPTIONS) / sizeof(OPTIONS[0]))

static bool takes(const struct command *command, const struct option_spec *spec)
{
	return strchr("hV", spec->letter) || strchr(command->takes, spec->letter);
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

static int parse_mtu(const char *text, uint32_t *mtu)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > 5 || text[digits])
		return -1;
	*mtu = (uint32_t)strtoul(text, NULL, 10);
	return *mtu < FIX_MTU_LEAST || *mtu > FIX_MTU_MOST ? -1 : 0;
}

int usage_error(const char *what, const char *about, const struct command *command)
{
	fprintf(stderr, "mtuscope %s: %s: %s; see mtuscope %s --help\n", command->name, what, about, command->name);
	return -1;
}

static int take_output(struct options *opt, const struct command *command, enum outlet_kind kind, const char *target)
{
	if (opt->outputs_n == OPTIONS_OUTPUTS_MAX)
		return usage_error("too many outputs, at", target ? target : "journal", command);
	opt->outputs[opt->outputs_n++] = (struct output_option){ kind, target };
	return 0;
}

static int take_syslog(struct options *opt, const struct command *command, const char *where)
{
	enum outlet_kind kind;

	if (!outlet_syslog_kind(where, &kind))
		return usage_error("not local, unix:PATH, udp:HOST:PORT or tcp:HOST:PORT (HOST a number)", where,
				   command);
	return take_output(opt, command, kind, where);
}

static int take_listen(struct options *opt, const struct command *command, const char *where)
{
	struct address a;

	if (!address_parse(&a, where, 0))
		return usage_error("not PORT, HOST:PORT (HOST a number) or unix:PATH", where, command);
	if (opt->listen_n == OPTIONS_LISTEN_MAX)
		return usage_error("too many addresses, at", where, command);
	opt->listen[opt->listen_n++] = where;
	return 0;
}

int options_take(struct options *opt, const struct command *command, int letter, const char *arg)
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
		return take_output(opt, command, OUTLET_FILE, arg);
	case 'J':
		return take_output(opt, command, OUTLET_JOURNAL, NULL);
	case 'S':
		return take_syslog(opt, command, arg);
	case 'T':
		opt->textfile = arg;
		return 0;
	case 'L':
		return take_listen(opt, command, arg);
	case 'N':
		opt->no_peer_labels = true;
		return 0;
	case 'u':
		opt->user = arg;
		return 0;
	case 'c':
		opt->config = arg;
		return 0;
	case 'k':
		opt->check_config = true;
		return 0;
	case 'F':
		if (opt->from_n == OPTIONS_FROM_MAX)
			return usage_error("too many sources, at", arg, command);
		opt->from[opt->from_n++] = arg;
		return 0;
	case 'R':
		opt->record = arg;
		return 0;
	case 'H':
		opt->html = arg;
		return 0;
	case 'P':
	case 'M':
	case 'p':
		opt->probe = letter == 'p' ? PROBE_NO : PROBE_YES;
		return 0;
	case 'b':
		opt->btf = arg;
		return 0;
	case 'A':
		opt->apply = true;
		return 0;
	case 'K':
		opt->persist = true;
		return 0;
	case 'U':
		opt->undo = true;
		return 0;
	case 'm':
		return parse_mtu(arg, &opt->mtu) ? usage_error("not a tunnel MTU (576 to 65455)", arg, command) : 0;
	case 'e':
		opt->peer = arg;
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

const struct option_spec *options_named(const struct command *command, const char *name)
{
	for (size_t i = 0; i < OPTIONS_N; i++)
		if (!strcmp(OPTIONS[i].name, name) && takes(command, &OPTIONS[i]))
			return &OPTIONS[i];
	return NULL;
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

/* What the help calls the operand that the command must be given; NULL: there is none. */
static const char *operand_name(const struct command *command)
{
	if (strchr(command->takes, 'O'))
		return OPERAND;
	return strchr(command->takes, 'D') ? "FILE" : NULL;
}

/* What stands after the options. */
static int operands(struct options *opt, const struct command *command)
{
	if (operand_name(command)) {
		if (optind == opt->argc)
			return usage_error("needs", operand_name(command), command);
		opt->operand = opt->argv[optind++];
		if (strchr(command->takes, 'E') && optind < opt->argc)
			opt->operand2 = opt->argv[optind++];
	}
	for (; optind < opt->argc; optind++) {
		if (!strchr(command->takes, 'I'))
			return usage_error("unexpected argument", opt->argv[optind], command);
		if (options_take(opt, command, 'i', opt->argv[optind]))
			return -1;
	}
	return 0;
}

/* `word` is the last one that getopt has done with: an unknown letter may be in the midst of the next. */
static int unknown_option(const char *word, const struct command *command)
{
	char letter[] = { '-', (char)optopt, '\0' };

	if (strncmp(word, "--", 2))
		return usage_error("unknown option", letter, command);
	return usage_error(optopt ? "takes no value" : "unknown option", word, command);
}

/* All of argv, or, with only 'c', that option alone. */
static int arguments(struct options *opt, const struct command *command, int only)
{
	struct option longs[OPTIONS_N + 1];
	char letters[2 * OPTIONS_N + 2];
	int letter;

	getopt_tables(command, letters, longs);
	opterr = 0;
	optind = 0; /* glibc: begin anew */
	while ((letter = getopt_long(opt->argc, opt->argv, letters, longs, NULL)) != -1) {
		if (only && letter != only)
			continue;
		if (letter == 'h') {
			options_help_command(command);
			return 1;
		}
		if (letter == 'V') {
			printf("mtuscope %s\n", VERSION);
			return 1;
		}
		if (letter == ':')
			return usage_error("needs a value", opt->argv[optind - 1], command);
		if (letter == '?')
			return unknown_option(opt->argv[optind - 1], command);
		if (options_take(opt, command, letter, optarg))
			return -1;
	}
	return only ? 0 : operands(opt, command);
}

int options_parse(struct options *opt, const struct command *command, int argc, char **argv)
{
	int result = 0;

	memset(opt, 0, sizeof(*opt));
	opt->command = command;
	opt->argc = argc;
	opt->argv = argv;
	opt->no_color = getenv("NO_COLOR") && *getenv("NO_COLOR");
	if (strchr(command->takes, 'c')) {
		arguments(opt, command, 'c');
		result = config_read(opt, command);
	}
	if (!result)
		result = arguments(opt, command, 0);
	if (result)
		options_free(opt);
	return result;
}

void options_free(struct options *opt)
{
	for (size_t i = 0; i < opt->texts_n; i++)
		free(opt->texts[i]);
	opt->texts_n = 0;
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
	const char *operand = operand_name(command);

	printf("usage: mtuscope %s [OPTION]...%s%s%s%s\n\n%s\n\n", command->name,
	       strchr(command->takes, 'I') ? " [INTERFACE]..." : "", operand ? " " : "", operand ? operand : "",
	       strchr(command->takes, 'E') ? " [FILE2]" : "", command->description);
	for (size_t i = 0; i < OPTIONS_N; i++)
		if (takes(command, &OPTIONS[i]))
			print_option(&OPTIONS[i]);
	printf("\nExit status: %s.\n", command->statuses);
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
