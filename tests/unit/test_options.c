// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unit tests of user/options.c with the program's own commands: what each must take, and what it makes of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "commands.h"
#include "sink.h"

#define WORDS_MAX 24

static const struct command COMMANDS[] = {
#define COMMAND(name, takes, summary, description, statuses)                                                           \
	{ #name, cmd_##name, takes, summary, description, statuses },
#include "commands.def"
#undef COMMAND
};

static struct options opt;
static char line[256];
static char *words[WORDS_MAX];

/* What options_parse() says of a command line; `opt` is what it has read. */
static int parse(const char *text)
{
	int n = 0;

	snprintf(line, sizeof(line), "%s", text);
	for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
		assert_in_range(n, 0, WORDS_MAX - 2);
		words[n++] = word;
	}
	words[n] = NULL;
	for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
		if (!strcmp(COMMANDS[i].name, words[0]))
			return options_parse(&opt, &COMMANDS[i], n, words);
	fail_msg("no command %s", words[0]);
	return -1;
}

/* Options that go by one name have one meaning wherever they can have any. */
static void test_common_options(void **state)
{
	static const char *const lines[] = {
		"watch -i wg0 --interface wg1 --duration 20 --json --output F --probe --no-color -v --btf F --record F",
		"check -i wg0 --json --output F --no-color -v",
		"check wg0 wg1",
		"probe -i wg0 --json --output F --no-color -v 192.0.2.1",
		"fix -i wg0 --apply --persist --probe --mtu 1420",
		"fix wg0 --undo --apply",
		"record -i wg0 --duration 20 -v FILE",
		"report --json --output F --no-color -v --html OUT FILE FILE2",
		"hooks -i wg0 --json --output F --no-color -v",
		"serve --config /dev/null -i wg0 --duration 20 --json --output F --no-probe -v --journal",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (parse(lines[i]))
			fail_msg("%s", lines[i]);
		options_free(&opt);
	}
}

static void test_help_and_version_of_each_command(void **state)
{
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++) {
		snprintf(text, sizeof(text), "%s --help", COMMANDS[i].name);
		assert_int_equal(parse(text), 1);
		snprintf(text, sizeof(text), "%s --version", COMMANDS[i].name);
		assert_int_equal(parse(text), 1);
	}
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms; /* 0: refused */
	} rows[] = {
		{ "20", 20000 }, { "20s", 20000 }, { "5m", 300000 }, { "1h", 3600000 }, { "0", 0 },
		{ "-1", 0 },	 { "5d", 0 },	   { "5ms", 0 },     { "s", 0 },	{ "1.5s", 0 },
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "watch --duration %s", rows[i].text);
		assert_int_equal(parse(text), rows[i].ms ? 0 : -1);
		assert_int_equal(opt.duration_ms, rows[i].ms);
	}
}

static void test_formats(void **state)
{
	static const char *const names[] = { "text", "ecs", "ocsf", "cef", "rfc5424", "journal" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text), "watch --format %s", names[i]);
		assert_int_equal(parse(text), 0);
		assert_ptr_equal(opt.sink, sink_named(names[i]));
	}
	assert_int_equal(parse("watch --json"), 0);
	assert_ptr_equal(opt.sink, sink_named("ecs"));
	assert_int_equal(parse("watch --format xml"), -1);
}

static void test_defaults(void **state)
{
	(void)state;
	unsetenv("NO_COLOR");
	assert_int_equal(parse("watch"), 0);
	assert_int_equal(opt.probe, PROBE_BY_DEFAULT);
	assert_int_equal(opt.duration_ms, 0);
	assert_null(opt.sink);
	assert_null(opt.output);
	assert_false(opt.no_color);
	setenv("NO_COLOR", "1", 1);
	assert_int_equal(parse("watch"), 0);
	assert_true(opt.no_color);
	setenv("NO_COLOR", "", 1); /* no-color.org: counts if it is not empty */
	assert_int_equal(parse("watch"), 0);
	assert_false(opt.no_color);
	assert_int_equal(parse("fix"), 0);
	assert_false(opt.apply);
}

static void test_refused(void **state)
{
	static const char *const lines[] = {
		"watch extra",
		"watch --nonsense",
		"watch -i",
		"watch -i a-name-too-long-x",
		"watch --json=yes",
		"report",
		"report a b c",
		"probe",
		"fix --mtu 575",
		"fix --mtu 65456",
		"serve --config /nonesuch",
		"serve --config /",
		"serve --config /dev/null --syslog nowhere",
		"record",
		"record --json FILE",
		"check --duration 5",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (parse(lines[i]) != -1)
			fail_msg("%s", lines[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_common_options), cmocka_unit_test(test_help_and_version_of_each_command),
		cmocka_unit_test(test_durations),      cmocka_unit_test(test_formats),
		cmocka_unit_test(test_defaults),       cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
