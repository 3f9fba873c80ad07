/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands and their options: one table of each drives parsing, --help and the man page. */
#ifndef MTUSCOPE_OPTIONS_H
#define MTUSCOPE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

struct sink;

/* The monitoring-plugin convention; a usage error is "could not tell" as well. */
enum exit_status { EXIT_NOTHING, EXIT_WARNING, EXIT_CRITICAL, EXIT_UNKNOWN };

enum probe_wish { PROBE_BY_DEFAULT, PROBE_YES, PROBE_NO };

struct options {
	const char *interfaces[WIRE_LINKS];
	size_t interfaces_n;
	uint64_t duration_ms;	 /* 0: until interrupted */
	const struct sink *sink; /* NULL: text */
	const char *output;	 /* NULL: standard output */
	const char *btf;
	enum probe_wish probe;
	bool no_color;
	int verbose;
};

struct command {
	const char *name;
	enum exit_status (*run)(const struct options *opt);
	const char *takes; /* the letters of its options in OPTIONS */
	const char *summary;
	const char *description;
};

/*
 * Parses argv from after the command's name. 0; 1: help was asked for and printed; -1: a usage error, explained on
 * stderr.
 */
int options_parse(struct options *opt, const struct command *command, int argc, char **argv);

/* Prints the help of one command, or of the program with its n commands. */
void options_help_command(const struct command *command);
void options_help(const struct command *commands, size_t n);

#endif
