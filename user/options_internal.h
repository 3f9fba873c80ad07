/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two readers of options share: options.c reads the command line, options_config.c the configuration. */
#ifndef MTUSCOPE_OPTIONS_INTERNAL_H
#define MTUSCOPE_OPTIONS_INTERNAL_H

#include "options.h"

struct option_spec {
	int letter; /* identifies it in struct command; printed as short option if it is a letter that may be typed */
	bool typed;
	const char *name;
	const char *argument; /* NULL: none */
	const char *text;
};

/* The option of that name, if the command takes it; else NULL. */
const struct option_spec *options_named(const struct command *command, const char *name);

/* Takes an option by its letter; arg lives as long as opt. 0, or -1 after saying what is wrong with it. */
int options_take(struct options *opt, const struct command *command, int letter, const char *arg);

/* Says on stderr what is wrong about what, and returns -1. */
int usage_error(const char *what, const char *about, const struct command *command);

/* Reads the configuration of opt, or that of CONFIG_PATH if it exists. 0, or -1 after saying what is wrong. */
int config_read(struct options *opt, const struct command *command);

#endif
