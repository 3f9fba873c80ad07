/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The search for a path MTU where it is made hard: loss, duplicates, answers that come late, few or make no sense, routers
 * that tell the truth and such that lie, a path that changes under way, a host that dies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "probed_path.h"

static void test_loss_is_not_size(void **state)
{
	uint32_t wrong = 0, ended = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct prober_config c = probed_tunnel(AF_INET, 8920);
		struct probed_path path = { .mtu = 1492, .loss = 0.1, .seed = seed };
		struct prober p;

		probed_run(&p, &c, &path);
		if (prober_upper(&p) && (prober_upper(&p) <= 1492 || prober_lower(&p) > 1492))
			wrong++;
		ended += p.end == PROBER_BRACKETED && prober_lower(&p) == 1484 && prober_upper(&p) == 1500;
	}
	assert_in_range(wrong, 0, 2); /* of 2000, at one probe in five unanswered */
	assert_in_range(ended, 1900, 2000);
}

static void test_a_lossy_good_path_has_no_upper_end(void **state)
{
	uint32_t wrong = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct prober_config c = probed_tunnel(AF_INET, 1420);
		struct probed_path path = { .mtu = 1500, .loss = 0.1, .seed = seed };
		struct prober p;

		probed_run(&p, &c, &path);
		wrong += prober_upper(&p) != 0;
	}
	assert_in_range(wrong, 0, 2);
}

/* A second without an answer, wherever in the search: the next probes show that it was no size. */
static void test_an_outage_is_not_size(void **state)
{
	(void)state;
	for (uint32_t at = 0; at < 12; at++) {
		for (uint32_t n = 1; n < 6; n++) {
			struct prober_config c = probed_tunnel(AF_INET, 8920);
			struct probed_path path = { .mtu = 1492, .outage_at = at, .outage_n = n };
			struct prober p;

			probed_run(&p, &c, &path);
			assert_true(p.end == PROBER_BRACKETED || p.end == PROBER_SILENT);
			if (p.end == PROBER_BRACKETED)
				assert_true(prober_lower(&p) == 1484 && prober_upper(&p) == 1500);
		}
	}
}

static void test_loss_that_was_seen_is_told(void **state)
{
	struct prober_config c = probed_tunnel(AF_INET, 8920);
	struct prober p = { 0 };

	(void)state;
	probed_run(&p, &c, &(struct probed_path){ .mtu = 1492 });
	assert_int_equal(p.lost, 0);
	for (uint64_t seed = 1; seed < 100 && !p.lost; seed++)
		probed_run(&p, &c, &(struct probed_path){ .mtu = 1492, .loss = 0.1, .seed = seed });
	assert_int_not_equal(p.lost, 0);
}

static void test_duplicates_and_nonsense_change_nothing(void **state)
{
	struct prober_config c = probed_tunnel(AF_INET, 8920);
	struct probed_path path = { .mtu = 1492, .duplicates = true, .nonsense = true };
	struct prober p;

	(void)state;
	probed_run(&p, &c, &path);
	assert_int_equal(p.end, PROBER_BRACKETED);
	assert_int_equal(prober_lower(&p), 1484);
	assert_int_equal(prober_upper(&p), 1500);
	assert_int_equal(p.too_big, 0);
	assert_int_not_equal(p.ignored, 0);
}

static void test_a_late_answer_is_an_answer(void **state)
{
	struct prober_config c = probed_tunnel(AF_INET, 8920);
	struct probed_path path = { .mtu = 1492, .late = 3 };
	struct prober p;

	(void)state;
	probed_run(&p, &c, &path);
	assert_int_equal(prober_lower(&p), 1484);
	assert_int_equal(prober_upper(&p), 1500);
	assert_int_equal(p.lost, 0);
}

/* A machine that was busy for a moment: what was slow then says little of the answers after it. */
static void test_one_slow_answer_does_not_slow_the_rest(void **state)
{
	struct prober_config c = probed_tunnel(AF_INET, 1440);
	struct probed_path path = { .mtu = 1400 };
	uint32_t usually_ms;
	struct prober p;

	(void)state;
	probed_run(&p, &c, &path);
	usually_ms = path.took_ms;
	for (uint32_t at = 0; at < p.sent; at++) {
		path = (struct probed_path){ .mtu = 1400, .slow_at = at, .slow_ms = 900 };
		probed_run(&p, &c, &path);
		assert_int_equal(p.end, PROBER_BRACKETED);
		assert_int_equal(prober_lower(&p), 1388);
		assert_int_equal(prober_upper(&p), 1404);
		/* Not waited for longer than the slow one itself took, for as many answers as it is remembered. */
		assert_in_range(path.took_ms, usually_ms, usually_ms + PROBER_RTTS * 900 + 900);
	}
}

/* Another measures the same host, and gets half of its answers. */
static void test_a_host_that_answers_two_has_few_answers_left(void **state)
{
	(void)state;
	for (uint32_t left = 1; left < 6; left++) {
		struct prober_config c = probed_tunnel(AF_INET, 1440);
		struct probed_path path = { .mtu = 1400, .answers = left, .refill_ms = 2100 };
		struct prober p;

		c.burst = 5;
		c.gap_ms = 1050;
		probed_run(&p, &c, &path);
		assert_int_equal(p.end, PROBER_BRACKETED);
		assert_int_equal(prober_lower(&p), 1388);
		assert_int_equal(prober_upper(&p), 1404);
	}
}

static void test_a_router_that_tells_the_truth_saves_probes(void **state)
{
	struct prober_config c = probed_plain(100, 0);
	struct probed_path path = { .mtu = 1437, .says = 1437 };
	struct prober p;

	(void)state;
	probed_run(&p, &c, &path);
	assert_int_equal(p.end, PROBER_BRACKETED);
	assert_int_equal(prober_lower(&p), 1437);
	assert_int_equal(prober_upper(&p), 1438);
	assert_true(prober_upper_said(&p));
	assert_int_equal(p.said_mtu, 1437);
	assert_memory_equal(&p.said_by, &PROBED_ROUTER, sizeof(PROBED_ROUTER));
	assert_int_equal(p.sent, 3); /* 1500, 1437, 1438 */
}

static void test_a_router_that_lies_is_refuted(void **state)
{
	struct prober_config c = probed_plain(100, 0);
	struct probed_path path = { .mtu = 1500, .lies = 1300 };
	struct prober p;

	(void)state;
	probed_run(&p, &c, &path);
	assert_int_equal(p.end, PROBER_BRACKETED);
	assert_int_equal(prober_lower(&p), 1500);
	assert_int_equal(prober_upper(&p), 1501);
}

static void test_a_path_that_shrinks_is_measured_anew(void **state)
{
	(void)state;
	for (uint32_t at = 2; at < 9; at++) {
		struct prober_config c = probed_tunnel(AF_INET, 8920);
		struct probed_path path = { .mtu = 1500, .change_at = at, .change_mtu = 1400 };
		struct prober p;

		probed_run(&p, &c, &path);
		/* Nothing that arrives no more is called proven. */
		if (p.end == PROBER_BRACKETED && p.sent > at + 8)
			assert_int_equal(prober_lower(&p), 1388);
	}
}

/* The tunnel's MTU is lowered meanwhile: what could be sent, and arrived, cannot be sent any more. */
static void test_an_end_that_shrinks_ends_the_search(void **state)
{
	(void)state;
	for (uint32_t at = 0; at < PROBER_BUDGET; at++) {
		for (uint32_t outage_n = 0; outage_n < 6; outage_n++) {
			struct prober_config c = probed_tunnel(AF_INET, 1500);
			struct probed_path path = {
				.mtu = 1489, .shrinks_at = at, .shrinks_to = 1340, .outage_at = at, .outage_n = outage_n
			};
			struct prober p;

			probed_run(&p, &c, &path);
			assert_true(prober_lower(&p) <= 1489);
			assert_true(!prober_upper(&p) || prober_upper(&p) > 1489);
		}
	}
}

static void test_a_silent_host_is_left_alone(void **state)
{
	struct prober_config c = probed_tunnel(AF_INET, 8920);
	struct probed_path path = { .mtu = 50 };
	struct prober p;

	(void)state;
	probed_run(&p, &c, &path);
	assert_int_equal(p.end, PROBER_SILENT);
	assert_in_range(p.sent, 1, 4);
	assert_int_equal(prober_lower(&p), 0);
	assert_int_equal(prober_upper(&p), 0);
}

/* A host that dies under way loses every size: no size is to blame. */
static void test_a_host_that_dies_has_no_path_mtu(void **state)
{
	(void)state;
	for (uint32_t at = 1; at < 3; at++) {
		struct prober_config c = probed_tunnel(AF_INET, 8920);
		struct probed_path path = { .mtu = 9001, .dead_at = at };
		struct prober p;

		probed_run(&p, &c, &path);
		assert_int_equal(p.end, PROBER_SILENT);
		for (uint32_t i = 0; i < p.sizes_n; i++)
			assert_int_equal(p.sizes[i].lost, 0);
	}
}

/* Who limits its answers is given time between them; a size that gets none takes none. */
static void test_answers_that_are_rationed_are_waited_for(void **state)
{
	struct prober_config c = probed_tunnel(AF_INET, 8920);
	uint32_t clock = 5000, wait, answered = 0;
	struct prober_order o;
	struct prober p;

	(void)state;
	c.burst = 3;
	c.gap_ms = 1000;
	prober_start(&p, &c);
	while (p.answered < 6) {
		if (!prober_next(&p, clock, &o, &wait)) {
			assert_int_not_equal(wait, 0);
			clock += wait;
			continue;
		}
		if (p.answered >= 3)
			assert_true(clock - answered >= 1000);
		if (o.outer > 1450)
			continue;
		answered = clock;
		clock += PROBED_RTT_MS;
		prober_answered(&p, o.seq, clock);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loss_is_not_size),
		cmocka_unit_test(test_a_lossy_good_path_has_no_upper_end),
		cmocka_unit_test(test_an_outage_is_not_size),
		cmocka_unit_test(test_loss_that_was_seen_is_told),
		cmocka_unit_test(test_duplicates_and_nonsense_change_nothing),
		cmocka_unit_test(test_a_late_answer_is_an_answer),
		cmocka_unit_test(test_one_slow_answer_does_not_slow_the_rest),
		cmocka_unit_test(test_a_host_that_answers_two_has_few_answers_left),
		cmocka_unit_test(test_a_router_that_tells_the_truth_saves_probes),
		cmocka_unit_test(test_a_router_that_lies_is_refuted),
		cmocka_unit_test(test_a_path_that_shrinks_is_measured_anew),
		cmocka_unit_test(test_an_end_that_shrinks_ends_the_search),
		cmocka_unit_test(test_a_silent_host_is_left_alone),
		cmocka_unit_test(test_a_host_that_dies_has_no_path_mtu),
		cmocka_unit_test(test_answers_that_are_rationed_are_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
