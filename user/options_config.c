// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration file: its lines are the command's long options. Called by options.c before the command line is read. */
#include "options_internal.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

struct config_reader {
	struct options *opt;
	const struct command *command;
	const char *path;
	bool refused; /* a line, and the reason was said */
};

/* Help, version and what is about the configuration itself are for the command line. */
static const struct option_spec *config_option(const struct command *command, const char *name)
{
	const struct option_spec *spec = options_named(command, name);

	return spec && !strchr("hVck", spec->letter) ? spec : NULL;
}

/* "yes" or "no" for options without an argument: 1, 0, or -1 for anything else. */
static int yes_or_no(const char *value)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

	for (int i = 0; i < 8; i++)
		if (!strcasecmp(value, words[i]))
			return i & 1;
	return -1;
}

/* One line of the configuration is one option. False: it is wrong. */
static bool config_take(struct config_reader *r, const char *section, const char *name, const char *value)
{
	const struct option_spec *spec = config_option(r->command, name);
	int set;

	if (*section)
		return !usage_error("the configuration has no sections", section, r->command);
	if (!spec)
		return !usage_error("unknown option in the configuration", name, r->command);
	if (spec->argument) {
		struct options *opt = r->opt;

		if (opt->texts_n == OPTIONS_TEXTS_MAX)
			return !usage_error("too many lines in", r->path, r->command);
		opt->texts[opt->texts_n] = strdup(value);
		return opt->texts[opt->texts_n] &&
		       !options_take(opt, r->command, spec->letter, opt->texts[opt->texts_n++]);
	}
	set = yes_or_no(value);
	if (set < 0)
		return !usage_error("neither yes nor no", value, r->command);
	return !set || !options_take(r->opt, r->command, spec->letter, NULL);
}

/* inih's callback; after a line that is wrong it goes on with the next. */
static int config_line(void *arg, const char *section, const char *name, const char *value)
{
	struct config_reader *r = arg;
	bool taken = config_take(r, section, name, value);

	r->refused |= !taken;
	return taken;
}

int config_read(struct options *opt, const struct command *command)
{
	const char *path = opt->config ? opt->config : CONFIG_PATH;
	struct config_reader reader = { opt, command, path, false };
	FILE *f = fopen(path, "re");
	int line = 0;

	if (!f && errno == ENOENT && !opt->config)
		return 0;
	if (f)
		line = ini_parse_file(f, config_line, &reader);
	if (!f || ferror(f)) {
		fprintf(stderr, "mtuscope %s: cannot read %s: %s\n", command->name, path, strerror(errno));
		line = -1;
	} else if (line) {
		fprintf(stderr, "mtuscope %s: %s is not read because of line %d%s\n", command->name, path, line,
			reader.refused ? "" : ", which is not NAME = VALUE");
	}
	if (f)
		fclose(f);
	return line ? -1 : 0;
}
