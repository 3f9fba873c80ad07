/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands and their options: one table of each drives parsing, --help and the man page. */
#ifndef MTUSCOPE_OPTIONS_H
#define MTUSCOPE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outlet.h"
#include "snapshot.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

struct sink;

/* The monitoring-plugin convention; a usage error is "could not tell" as well. */
enum exit_status { EXIT_NOTHING, EXIT_WARNING, EXIT_CRITICAL, EXIT_UNKNOWN };

enum probe_wish { PROBE_BY_DEFAULT, PROBE_YES, PROBE_NO };

#define OPTIONS_FROM_MAX    8
#define OPTIONS_OUTPUTS_MAX 8
#define OPTIONS_LISTEN_MAX  4
#define OPTIONS_TEXTS_MAX   64
#define CONFIG_PATH	    "/etc/mtuscope.conf"

struct output_option {
	enum outlet_kind kind;
	const char *target;
};

struct options {
	const char *interfaces[WIRE_LINKS];
	size_t interfaces_n;
	uint64_t duration_ms;	 /* 0: until interrupted */
	const struct sink *sink; /* NULL: text */
	const char *output;	 /* NULL: standard output */
	const char *record;	 /* watch: file to record to, NULL: none */
	const char *html;	 /* report: page to write, NULL: none */
	const char *btf;	 /* file of the kernel's types, NULL: the kernel's own */
	enum probe_wish probe;
	uint32_t mtu;	  /* bytes, of a tunnel; 0: none given */
	const char *peer; /* a public key as wg(8) prints it; NULL: none given */
	bool apply, persist, undo;
	const char *operand;  /* NULL: the command takes none */
	const char *operand2; /* NULL: none given */
	const char *from[OPTIONS_FROM_MAX];
	size_t from_n;
	bool no_color;
	int verbose;
	/* serve */
	struct output_option outputs[OPTIONS_OUTPUTS_MAX];
	size_t outputs_n;
	const char *listen[OPTIONS_LISTEN_MAX];
	size_t listen_n;
	const char *textfile;
	const char *user;
	const char *config; /* NULL: CONFIG_PATH, if it exists */
	bool no_peer_labels;
	bool check_config;
	bool may_be_none; /* nothing to watch is no reason to refuse, for it may come */
	/* for reading all of it again */
	const struct command *command;
	int argc;
	char **argv;
	char *texts[OPTIONS_TEXTS_MAX]; /* of the configuration, owned */
	size_t texts_n;
};

struct command {
	const char *name;
	enum exit_status (*run)(const struct options *opt);
	/*
	 * The letters of its options in OPTIONS, and of its operands: 'I': interfaces; 'O': one, a peer or an address;
	 * 'D': one, a file; 'E': and perhaps a second one.
	 */
	const char *takes;
	const char *summary;
	const char *description;
	const char *statuses; /* what its exit status says */
};

/*
 * Parses argv, whose first word is the command's name; before it the configuration file, for commands that take one. 0;
 * 1: help or the version was asked for and printed; -1: a usage error, explained on stderr.
 */
int options_parse(struct options *opt, const struct command *command, int argc, char **argv);

/* Frees what options_parse() has allocated, which is something only where a configuration was read. */
void options_free(struct options *opt);

/* Prints the help of one command, or of the program with its n commands. */
void options_help_command(const struct command *command);
void options_help(const struct command *commands, size_t n);

#endif
