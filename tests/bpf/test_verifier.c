// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the verifier has to follow in each program, against verifier.record: a program that grows by more than a fifth is
 * near to being refused on some kernel, and nobody would have noticed. Each line there is a kernel series, object/program,
 * instructions processed, states, and bytes of stack. A kernel that is not in the record is held to the
 * largest figures of those that are. What this kernel cannot load at all (no such function, no kprobes) is not compared,
 * but what the record says it could load must load. With the argument --record it prints such lines instead;
 * scripts/verifier-record calls it so. Needs root.
 */
#include "harness.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "tc.skel.h"

#define RECORD	  "tests/bpf/verifier.record"
#define LOG_STATS 4 /* of the verifier's log levels: a summary */
#define LINES_MAX 256
#define NAME_LEN  64

struct figures {
	char kernel[16], name[NAME_LEN]; /* "6.12", "object/program" */
	unsigned instructions, states, stack;
};

struct figures_list {
	struct figures at[LINES_MAX];
	size_t n;
};

#define HOOK(object, function, module, blinds) const void *object##_elf(size_t *len);
#include "../../bpf/hooks.def"
#undef HOOK

static const void *tc_elf(size_t *len)
{
	return tc_bpf__elf_bytes(len);
}

static const struct {
	const char *name;
	const void *(*elf)(size_t *len);
} objects[] = {
	{ "tc", tc_elf },
#define HOOK(object, function, module, blinds) { #object, object##_elf },
#include "../../bpf/hooks.def"
#undef HOOK
};

static int no_print(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* "stack depth 200+32": of the program and of each function it calls. */
static unsigned stack_of(const char *log)
{
	const char *at = strstr(log, "stack depth ");
	unsigned sum = 0, depth;
	int len;

	for (at = at ? at + strlen("stack depth ") : ""; sscanf(at, "%u%n", &depth, &len) == 1; at++) {
		sum += depth;
		at += len;
		if (*at != '+')
			break;
	}
	return sum;
}

static bool log_read(const char *log, struct figures *f)
{
	const char *processed = strstr(log, "processed "), *states = strstr(log, "total_states ");

	f->stack = stack_of(log);
	return processed && states && sscanf(processed, "processed %u", &f->instructions) == 1 &&
	       sscanf(states, "total_states %u", &f->states) == 1;
}

/* Loads the nth program of an object alone. 1: *f is filled; 0: this kernel does not load it; -1: there is none. */
static int measure(const char *object_name, const void *(*elf)(size_t *len), size_t nth, struct figures *f)
{
	static char log[1 << 16];
	size_t len, i = 0;
	const void *bytes = elf(&len);
	struct bpf_object *object = bpf_object__open_mem(bytes, len, NULL);
	struct bpf_program *prog;
	int result = -1;

	assert_non_null(object);
	log[0] = '\0';
	bpf_object__for_each_program (prog, object) {
		bpf_program__set_autoload(prog, i == nth);
		if (i++ != nth)
			continue;
		result = 0;
		snprintf(f->name, sizeof(f->name), "%s/%s", object_name, bpf_program__name(prog));
		bpf_program__set_log_level(prog, LOG_STATS);
		bpf_program__set_log_buf(prog, log, sizeof(log));
	}
	if (!result && !bpf_object__load(object)) {
		assert_true(log_read(log, f));
		result = 1;
	}
	bpf_object__close(object);
	return result;
}

static void measure_all(struct figures_list *list)
{
	struct utsname name;
	unsigned major, minor;
	int result;

	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(no_print);
	uname(&name);
	assert_int_equal(sscanf(name.release, "%u.%u", &major, &minor), 2);
	list->n = 0;
	for (size_t o = 0; o < sizeof(objects) / sizeof(objects[0]); o++) {
		for (size_t p = 0;; p++) {
			struct figures *f = &list->at[list->n];

			assert_true(list->n < LINES_MAX);
			snprintf(f->kernel, sizeof(f->kernel), "%u.%u", major, minor);
			result = measure(objects[o].name, objects[o].elf, p, f);
			if (result < 0)
				break;
			list->n += result;
		}
	}
}

static void record_read(struct figures_list *list)
{
	FILE *file = fopen(RECORD, "r");
	char line[256];

	if (!file)
		fail_msg("no " RECORD ": run from the top of the checkout");
	list->n = 0;
	while (fgets(line, sizeof(line), file)) {
		struct figures *f = &list->at[list->n];

		if (line[0] == '#')
			continue;
		assert_true(++list->n < LINES_MAX);
		if (sscanf(line, "%15s %63s %u %u %u", f->kernel, f->name, &f->instructions, &f->states, &f->stack) !=
		    5)
			fail_msg("not understood: %s", line);
	}
	fclose(file);
}

static unsigned larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

/* The recorded figures of that program on that kernel; if `any`, the largest on any. False: there are none. */
static bool recorded(const struct figures_list *record, const struct figures *f, bool any, struct figures *allowed)
{
	bool found = false;

	*allowed = (struct figures){ .stack = 0 };
	for (size_t i = 0; i < record->n; i++) {
		const struct figures *r = &record->at[i];

		if (strcmp(r->name, f->name) || (!any && strcmp(r->kernel, f->kernel)))
			continue;
		found = true;
		allowed->instructions = larger(allowed->instructions, r->instructions);
		allowed->states = larger(allowed->states, r->states);
		allowed->stack = larger(allowed->stack, r->stack);
	}
	return found;
}

/* More than a fifth, and 10 for the little ones. */
static int grown(const char *name, const char *what, unsigned now, unsigned then)
{
	if (now <= then + then / 5 + 10)
		return 0;
	print_error("%s: %u %s, on record are %u; if it must be so: make verifier-record\n", name, now, what, then);
	return 1;
}

static bool kernel_recorded(const struct figures_list *record, const char *kernel)
{
	for (size_t i = 0; i < record->n; i++)
		if (!strcmp(record->at[i].kernel, kernel))
			return true;
	return false;
}

static int missing(const struct figures_list *record, const struct figures_list *now)
{
	struct figures ignored;
	int n = 0;

	for (size_t i = 0; i < record->n; i++) {
		if (strcmp(record->at[i].kernel, now->at[0].kernel) || recorded(now, &record->at[i], false, &ignored))
			continue;
		print_error("%s: on record, and does not load\n", record->at[i].name);
		n++;
	}
	return n;
}

static void test_figures(void **state)
{
	static struct figures_list record, now;
	int complaints = 0;
	bool any;

	(void)state;
	record_read(&record);
	measure_all(&now);
	assert_true(now.n > 0);
	any = !kernel_recorded(&record, now.at[0].kernel);
	for (size_t i = 0; i < now.n; i++) {
		const struct figures *f = &now.at[i];
		struct figures then;

		if (!recorded(&record, f, any, &then)) {
			print_error("%s: not on record for Linux %s; make verifier-record\n", f->name, f->kernel);
			complaints++;
			continue;
		}
		complaints += grown(f->name, "instructions", f->instructions, then.instructions);
		complaints += grown(f->name, "states", f->states, then.states);
		complaints += grown(f->name, "bytes of stack", f->stack, then.stack);
	}
	complaints += missing(&record, &now);
	assert_int_equal(complaints, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),
	};
	static struct figures_list now;

	if (argc < 2 || strcmp(argv[1], "--record"))
		return cmocka_run_group_tests_name("verifier", tests, NULL, NULL);
	measure_all(&now);
	for (size_t i = 0; i < now.n; i++)
		printf("%s %s %u %u %u\n", now.at[i].kernel, now.at[i].name, now.at[i].instructions, now.at[i].states,
		       now.at[i].stack);
	return 0;
}
