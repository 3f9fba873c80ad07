/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A few stories of each kind (story.h), always the same. `make soak` tells as many as one likes. A seed that once was
 * judged wrongly belongs here when it is judged rightly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "story.h"

#define SEEDS 10

/* Where the programs' clock of 32 bits wraps, or changes its sign, after 25 seconds: in the thick of the trouble. */
static const msec_t WRAPS[] = { (1ULL << 31) - 25648, (1ULL << 32) - 25296, (3ULL << 32) - 23888 };

static void tell(uint64_t seed, size_t kind)
{
	const struct story s = story_draw(seed, kind);
	const struct story_result r = story_tell(&s, NULL, NULL);
	char text[256];

	if (r.end == STORY_RIGHT)
		return;
	story_describe(&s, text, sizeof(text));
	fail_msg("seed %u: %s: %s", (unsigned int)seed, text, r.what);
}

static void test_each_kind(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < story_kinds(); kind++)
		for (uint64_t seed = 1; seed <= SEEDS; seed++)
			if (!story_kind_is_unsolved(kind))
				tell(seed, kind);
}

/* What each of these once was: a false alarm, a miss, or a bracket without the truth in it. */
static void test_what_was_wrong_once(void **state)
{
	static const struct {
		const char *kind;
		uint64_t seed;
	} stories[] = {
		{ "policer", 24 },	    /* small packets beside it hid the loss of large ones */
		{ "policer", 133 },	    /* … and from the peer */
		{ "outage", 125 },	    /* the sender's next repetition was not due yet */
		{ "firewall forgets", 34 }, /* a flow that had been idle */
		{ "MTU lowered", 55 },	    /* a hole of two segments is no segment of twice the size */
		{ "hole that begins", 30 }, /* what got through before the path changed */
		{ "hole after failover", 87 },
		{ "hole after failover", 517 },
		{ "hole after failover", 231 }, /* what the outage took looked like a policer's work */
		{ "hole after failover", 937 },
		{ "one way out", 197 }, /* a young connection, but small packets of others died as well */
		{ "one way dies", 290 },
		{ "hole begins, peer probes",
		  97 }, /* what the peer's side probed in vain looked like loss that had risen */
		{ "hole begins, peer probes", 102 },
		{ "hole begins, peer probes", 104 },
		{ "queue full", 820 }, /* what was lost before it stalled was forgotten while it did */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
		tell(stories[i].seed, story_kind_named(stories[i].kind));
}

/* A program that has run for months judges as one that was just started. */
static void test_across_the_wrap(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < story_kinds(); kind++) {
		struct story s = story_draw(1 + kind, kind);
		const struct story_result r = story_tell(&s, NULL, NULL);

		for (size_t i = 0; i < sizeof(WRAPS) / sizeof(WRAPS[0]); i++) {
			struct story_result late;

			/* What depends on the phase of the clock happens at the same time. */
			assert_int_equal(WRAPS[i] % 3000, s.start_ms % 3000);
			s.start_ms = WRAPS[i];
			late = story_tell(&s, NULL, NULL);
			assert_int_equal(late.end, r.end);
			assert_int_equal(late.open_ms, r.open_ms);
			s.start_ms = SCENE_START_MS;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind),
		cmocka_unit_test(test_what_was_wrong_once),
		cmocka_unit_test(test_across_the_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
