/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The search for a path MTU on a path that the test invents: usual and odd MTUs, loss, duplicates, answers that come
 * late or make no sense, routers that tell the truth and such that lie, a path that changes under way. Everything from
 * a seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "outer.h"
#include "prober.h"
#include "snapshots.h"

#define RTT_MS	30
#define LATE_MS 1500

/* What is on its way back. */
struct answer {
	uint32_t at_ms; /* 0: nothing */
	bool too_big;
};

struct path {
	uint32_t mtu; /* outer */
	double loss;  /* one way */
	uint64_t seed;
	uint32_t change_at, change_mtu; /* after so many probes */
	uint32_t dead_at;		/* … nothing is answered any more; 0: never */
	uint32_t outage_at, outage_n;	/* … so many are not */
	uint32_t says;			/* a router says that larger is too big for this, 0: nobody says anything */
	uint32_t lies;			/* somebody says so of each probe above it, 0: nobody */
	uint32_t late;			/* each such probe's answer comes only after it was given up, 0: none */
	uint32_t slow_at, slow_ms;	/* that probe's answer takes so long; 0: none */
	uint32_t answers, refill_ms;	/* the host has so many left, and gets one more in so long; 0: any number */
	uint32_t refilled_ms;		/* when it last did */
	bool duplicates, nonsense;
	uint32_t largest; /* sent */
	uint32_t took_ms;
	struct answer back[PROBER_BUDGET]; /* by sequence number */
};

static const struct ip_address ROUTER = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } };

static struct prober_config tunnel(uint8_t family, uint32_t mtu)
{
	return (struct prober_config){ .tunnel_family = family,
				       .padding_mtu = mtu,
				       .control = outer_overhead(family) + 64,
				       .max = mtu + outer_overhead(family),
				       .budget = PROBER_BUDGET };
}

static struct prober_config plain(uint32_t control, uint32_t upper)
{
	return (struct prober_config){ .control = control, .max = 9000, .upper = upper, .budget = PROBER_BUDGET };
}

/* Whether the host has an answer left; as Linux counts them (icmp_ratelimit). */
static bool may_answer(struct path *path, uint32_t clock)
{
	if (!path->refill_ms)
		return true;
	for (; clock - path->refilled_ms >= path->refill_ms; path->refilled_ms += path->refill_ms)
		path->answers++;
	return path->answers && path->answers--;
}

/* One probe on its way. */
static void travel(struct prober *p, struct path *path, const struct prober_order *o, uint32_t clock)
{
	bool lost = random_true(&path->seed, path->loss), lost_back = random_true(&path->seed, path->loss);
	struct answer *back = &path->back[o->seq];

	if (o->seq >= path->change_at && path->change_mtu)
		path->mtu = path->change_mtu;
	if ((path->dead_at && o->seq >= path->dead_at) ||
	    (o->seq >= path->outage_at && o->seq < path->outage_at + path->outage_n))
		return;
	if (path->nonsense) {
		prober_answered(p, o->seq + 1, clock);
		prober_answered(p, 4000000000U, clock);
		prober_too_big(p, o->seq, 68, &ROUTER);
		prober_too_big(p, o->seq, 65535, &ROUTER);
	}
	if (path->lies && o->outer > path->lies)
		prober_too_big(p, o->seq, path->lies, &ROUTER);
	if (lost || (o->outer > path->mtu && !path->says) || !may_answer(path, clock) || lost_back)
		return;
	back->at_ms = clock + RTT_MS;
	back->too_big = o->outer > path->mtu;
	if (path->late && o->seq % path->late == path->late - 1)
		back->at_ms += LATE_MS;
	if (path->slow_ms && o->seq == path->slow_at)
		back->at_ms = clock + path->slow_ms;
}

/* What has come by now. Returns when the next comes, at the latest in wait_ms. */
static uint32_t receive(struct prober *p, struct path *path, uint32_t clock, uint32_t wait_ms)
{
	uint32_t next = clock + wait_ms;

	for (uint32_t seq = 0; seq < PROBER_BUDGET; seq++) {
		struct answer *back = &path->back[seq];

		if (back->at_ms && back->at_ms <= clock) {
			back->at_ms = 0;
			if (back->too_big)
				prober_too_big(p, seq, path->says, &ROUTER);
			else
				prober_answered(p, seq, clock);
			if (path->duplicates && !back->too_big)
				prober_answered(p, seq, clock);
		} else if (back->at_ms && back->at_ms < next) {
			next = back->at_ms;
		}
	}
	return next;
}

static void run(struct prober *p, const struct prober_config *config, struct path *path)
{
	const uint32_t start = 5000;
	uint32_t clock = start, wait;
	struct prober_order o;

	path->refilled_ms = start;
	prober_start(p, config);
	for (int i = 0; i < 1000 && !p->end; i++) {
		receive(p, path, clock, 0);
		if (prober_next(p, clock, &o, &wait)) {
			assert_true(o.seq < PROBER_BUDGET);
			assert_true(o.outer <= config->max);
			if (config->tunnel_family)
				assert_int_equal(outer_size(o.size, config->padding_mtu, config->tunnel_family),
						 o.outer);
			if (o.outer > path->largest)
				path->largest = o.outer;
			travel(p, path, &o, clock);
		} else if (!p->end) {
			assert_int_not_equal(wait, 0);
			clock = receive(p, path, clock, wait);
		}
	}
	path->took_ms = clock - start;
	assert_int_not_equal(p->end, PROBER_RUNNING);
	assert_true(p->sent <= config->budget);
}

static void test_usual_paths_take_few_probes(void **state)
{
	static const struct {
		uint8_t family;
		uint32_t mtu, lower, upper, most;
	} ROWS[] = {
		{ AF_INET, 1500, 1500, 1516, 9 },   { AF_INET, 1492, 1484, 1500, 9 },
		{ AF_INET6, 1500, 1488, 1504, 9 },  { AF_INET, 1400, 1388, 1404, 16 },
		{ AF_INET6, 1280, 1280, 1296, 16 }, { AF_INET, 1420, 1420, 1436, 16 },
		{ AF_INET6, 1400, 1392, 1408, 16 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
		struct prober_config c = tunnel(ROWS[i].family, 8920);
		struct path path = { .mtu = ROWS[i].mtu };
		struct prober p;

		run(&p, &c, &path);
		assert_int_equal(p.end, PROBER_BRACKETED);
		assert_int_equal(prober_lower(&p), ROWS[i].lower);
		assert_int_equal(prober_upper(&p), ROWS[i].upper);
		assert_false(prober_upper_said(&p));
		assert_in_range(p.sent, 1, ROWS[i].most);
	}
}

/* Outside the tunnel every byte can be told; inside only what the padding allows. */
static void test_to_the_byte_outside_the_tunnel(void **state)
{
	(void)state;
	for (uint32_t mtu = 1484; mtu < 1500; mtu++) {
		struct prober_config c = plain(1484, 1500);
		struct path path = { .mtu = mtu };
		struct prober p;

		run(&p, &c, &path);
		assert_int_equal(p.end, PROBER_BRACKETED);
		assert_int_equal(prober_lower(&p), mtu);
		assert_int_equal(prober_upper(&p), mtu + 1);
		assert_true(path.largest < 1500);
	}
}

static void test_any_path_is_bracketed_within_the_budget(void **state)
{
	uint32_t most = 0;

	(void)state;
	for (uint32_t mtu = 600; mtu < 9000; mtu++) {
		struct prober_config c = tunnel(mtu & 1 ? AF_INET : AF_INET6, 8920);
		struct path path = { .mtu = mtu };
		struct prober p;

		run(&p, &c, &path);
		if (p.end == PROBER_WHOLE) {
			assert_true(mtu >= c.max);
			continue;
		}
		assert_true(p.end == PROBER_BRACKETED || p.end == PROBER_GAVE_UP);
		assert_in_range(mtu, prober_lower(&p), prober_upper(&p) - 1);
		most += p.end == PROBER_GAVE_UP;
	}
	assert_int_equal(most, 0);
}

/* Every path of 1280 to 1500 and the jumbo ones, measured right and by how many probes; the figures are printed. */
static void table(const char *what, const struct prober_config *c, uint32_t from, uint32_t to, uint32_t mean,
		  uint32_t most)
{
	uint32_t sum = 0, max = 0, n = 0;

	for (uint32_t mtu = from; mtu <= to; mtu++, n++) {
		struct path path = { .mtu = mtu };
		struct prober p;

		run(&p, c, &path);
		assert_int_equal(p.end, PROBER_BRACKETED);
		assert_in_range(mtu, prober_lower(&p), prober_upper(&p) - 1);
		assert_in_range(prober_upper(&p) - prober_lower(&p), 1, c->tunnel_family ? 16 : 1);
		sum += p.sent;
		max = p.sent > max ? p.sent : max;
	}
	print_message("%s, paths of %u to %u: mean %.1f probes, most %u\n", what, from, to, (double)sum / n, max);
	assert_in_range(max, 1, most);
	assert_in_range(sum / n, 1, mean);
}

static void test_all_paths_take_few_probes(void **state)
{
	struct prober_config in_tunnel = tunnel(AF_INET, 8920), beside = plain(64, 0);

	(void)state;
	table("tunnel of 8920", &in_tunnel, 1280, 1500, 14, 18);
	table("tunnel of 8920", &in_tunnel, 1501, 8979, 19, 22);
	table("to the byte", &beside, 1280, 1500, 20, 25);
	table("to the byte", &beside, 1501, 8999, 23, 28);
}

static void test_a_good_path_carries_everything(void **state)
{
	struct prober_config c = tunnel(AF_INET, 1420);
	struct path path = { .mtu = 1500 };
	struct prober p;

	(void)state;
	run(&p, &c, &path);
	assert_int_equal(p.end, PROBER_WHOLE);
	assert_int_equal(prober_lower(&p), 1480);
	assert_int_equal(prober_upper(&p), 0);
}

/* The tunnel's own MTU limits the padding: a full packet of 1432 is 1492 outside, not 1500. */
static void test_the_tunnel_mtu_limits_the_padding(void **state)
{
	struct prober_config c = tunnel(AF_INET, 1432);
	struct path path = { .mtu = 1492 };
	struct prober p;

	(void)state;
	run(&p, &c, &path);
	assert_int_equal(p.end, PROBER_WHOLE);
	assert_int_equal(prober_lower(&p), 1492);
}

/* A path MTU that the kernel has learned for the host shifts the padding: the sizes must still be those that leave. */
static void test_a_learned_mtu_shifts_the_padding(void **state)
{
	struct prober_config c = tunnel(AF_INET, 8920);
	struct path path = { .mtu = 1500 };
	struct prober p;

	(void)state;
	c.padding_mtu = 1300;
	run(&p, &c, &path);
	assert_int_equal(p.end, PROBER_BRACKETED);
	assert_in_range(1500, prober_lower(&p), prober_upper(&p) - 1);
	assert_true(prober_upper(&p) - prober_lower(&p) <= 16);
}

static void test_loss_is_not_size(void **state)
{
	uint32_t wrong = 0, ended = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct prober_config c = tunnel(AF_INET, 8920);
		struct path path = { .mtu = 1492, .loss = 0.1, .seed = seed };
		struct prober p;

		run(&p, &c, &path);
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
		struct prober_config c = tunnel(AF_INET, 1420);
		struct path path = { .mtu = 1500, .loss = 0.1, .seed = seed };
		struct prober p;

		run(&p, &c, &path);
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
			struct prober_config c = tunnel(AF_INET, 8920);
			struct path path = { .mtu = 1492, .outage_at = at, .outage_n = n };
			struct prober p;

			run(&p, &c, &path);
			assert_true(p.end == PROBER_BRACKETED || p.end == PROBER_SILENT);
			if (p.end == PROBER_BRACKETED)
				assert_true(prober_lower(&p) == 1484 && prober_upper(&p) == 1500);
		}
	}
}

static void test_loss_that_was_seen_is_told(void **state)
{
	struct prober_config c = tunnel(AF_INET, 8920);
	struct prober p = { 0 };

	(void)state;
	run(&p, &c, &(struct path){ .mtu = 1492 });
	assert_int_equal(p.lost, 0);
	for (uint64_t seed = 1; seed < 100 && !p.lost; seed++)
		run(&p, &c, &(struct path){ .mtu = 1492, .loss = 0.1, .seed = seed });
	assert_int_not_equal(p.lost, 0);
}

static void test_duplicates_and_nonsense_change_nothing(void **state)
{
	struct prober_config c = tunnel(AF_INET, 8920);
	struct path path = { .mtu = 1492, .duplicates = true, .nonsense = true };
	struct prober p;

	(void)state;
	run(&p, &c, &path);
	assert_int_equal(p.end, PROBER_BRACKETED);
	assert_int_equal(prober_lower(&p), 1484);
	assert_int_equal(prober_upper(&p), 1500);
	assert_int_equal(p.too_big, 0);
	assert_int_not_equal(p.ignored, 0);
}

static void test_a_late_answer_is_an_answer(void **state)
{
	struct prober_config c = tunnel(AF_INET, 8920);
	struct path path = { .mtu = 1492, .late = 3 };
	struct prober p;

	(void)state;
	run(&p, &c, &path);
	assert_int_equal(prober_lower(&p), 1484);
	assert_int_equal(prober_upper(&p), 1500);
	assert_int_equal(p.lost, 0);
}

/* A machine that was busy for a moment: what was slow then says little of the answers after it. */
static void test_one_slow_answer_does_not_slow_the_rest(void **state)
{
	struct prober_config c = tunnel(AF_INET, 1440);
	struct path path = { .mtu = 1400 };
	uint32_t usually_ms;
	struct prober p;

	(void)state;
	run(&p, &c, &path);
	usually_ms = path.took_ms;
	for (uint32_t at = 0; at < p.sent; at++) {
		path = (struct path){ .mtu = 1400, .slow_at = at, .slow_ms = 900 };
		run(&p, &c, &path);
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
		struct prober_config c = tunnel(AF_INET, 1440);
		struct path path = { .mtu = 1400, .answers = left, .refill_ms = 2100 };
		struct prober p;

		c.burst = 5;
		c.gap_ms = 1050;
		run(&p, &c, &path);
		assert_int_equal(p.end, PROBER_BRACKETED);
		assert_int_equal(prober_lower(&p), 1388);
		assert_int_equal(prober_upper(&p), 1404);
	}
}

static void test_a_router_that_tells_the_truth_saves_probes(void **state)
{
	struct prober_config c = plain(100, 0);
	struct path path = { .mtu = 1437, .says = 1437 };
	struct prober p;

	(void)state;
	run(&p, &c, &path);
	assert_int_equal(p.end, PROBER_BRACKETED);
	assert_int_equal(prober_lower(&p), 1437);
	assert_int_equal(prober_upper(&p), 1438);
	assert_true(prober_upper_said(&p));
	assert_int_equal(p.said_mtu, 1437);
	assert_memory_equal(&p.said_by, &ROUTER, sizeof(ROUTER));
	assert_int_equal(p.sent, 3); /* 1500, 1437, 1438 */
}

static void test_a_router_that_lies_is_refuted(void **state)
{
	struct prober_config c = plain(100, 0);
	struct path path = { .mtu = 1500, .lies = 1300 };
	struct prober p;

	(void)state;
	run(&p, &c, &path);
	assert_int_equal(p.end, PROBER_BRACKETED);
	assert_int_equal(prober_lower(&p), 1500);
	assert_int_equal(prober_upper(&p), 1501);
}

static void test_a_path_that_shrinks_is_measured_anew(void **state)
{
	(void)state;
	for (uint32_t at = 2; at < 9; at++) {
		struct prober_config c = tunnel(AF_INET, 8920);
		struct path path = { .mtu = 1500, .change_at = at, .change_mtu = 1400 };
		struct prober p;

		run(&p, &c, &path);
		/* Nothing that arrives no more is called proven. */
		if (p.end == PROBER_BRACKETED && p.sent > at + 8)
			assert_int_equal(prober_lower(&p), 1388);
	}
}

static void test_a_silent_host_is_left_alone(void **state)
{
	struct prober_config c = tunnel(AF_INET, 8920);
	struct path path = { .mtu = 50 };
	struct prober p;

	(void)state;
	run(&p, &c, &path);
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
		struct prober_config c = tunnel(AF_INET, 8920);
		struct path path = { .mtu = 9001, .dead_at = at };
		struct prober p;

		run(&p, &c, &path);
		assert_int_equal(p.end, PROBER_SILENT);
		for (uint32_t i = 0; i < p.sizes_n; i++)
			assert_int_equal(p.sizes[i].lost, 0);
	}
}

static void test_the_budget_holds(void **state)
{
	(void)state;
	for (uint32_t budget = 1; budget <= 12; budget++) {
		struct prober_config c = tunnel(AF_INET, 8920);
		struct path path = { .mtu = 1373 };
		struct prober p;

		c.budget = budget;
		run(&p, &c, &path);
		assert_int_equal(p.end, p.answered ? PROBER_GAVE_UP : PROBER_SILENT);
		assert_int_equal(p.sent, budget);
	}
}

/* Who limits its answers is given time between them; a size that gets none takes none. */
static void test_answers_that_are_rationed_are_waited_for(void **state)
{
	struct prober_config c = tunnel(AF_INET, 8920);
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
		clock += RTT_MS;
		prober_answered(&p, o.seq, clock);
	}
}

/* The interface's own limit: nothing is sent above it, and nothing is said of the path. */
static void test_what_the_interface_refuses_is_no_limit_of_the_path(void **state)
{
	struct prober_config c = plain(64, 0);
	struct prober_order o;
	uint32_t clock = 5000, wait, sent = 0;
	struct prober p;

	(void)state;
	prober_start(&p, &c);
	while (!p.end) {
		if (!prober_next(&p, clock, &o, &wait)) {
			clock += wait;
		} else if (o.outer > 1500) {
			prober_refused(&p);
		} else {
			sent++;
			prober_answered(&p, o.seq, clock + RTT_MS);
		}
	}
	assert_int_equal(p.end, PROBER_WHOLE);
	assert_int_equal(prober_lower(&p), 1500);
	assert_int_equal(p.sent, sent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual_paths_take_few_probes),
		cmocka_unit_test(test_to_the_byte_outside_the_tunnel),
		cmocka_unit_test(test_any_path_is_bracketed_within_the_budget),
		cmocka_unit_test(test_all_paths_take_few_probes),
		cmocka_unit_test(test_a_good_path_carries_everything),
		cmocka_unit_test(test_the_tunnel_mtu_limits_the_padding),
		cmocka_unit_test(test_a_learned_mtu_shifts_the_padding),
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
		cmocka_unit_test(test_a_silent_host_is_left_alone),
		cmocka_unit_test(test_a_host_that_dies_has_no_path_mtu),
		cmocka_unit_test(test_the_budget_holds),
		cmocka_unit_test(test_answers_that_are_rationed_are_waited_for),
		cmocka_unit_test(test_what_the_interface_refuses_is_no_limit_of_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
