/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The search for a path MTU on paths that behave: usual and odd MTUs, what padding and interfaces allow, and how many probes
 * it takes. Paths that do not are in test_prober_trouble.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "probed_path.h"

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
		struct prober_config c = probed_tunnel(ROWS[i].family, 8920);
		struct probed_path path = { .mtu = ROWS[i].mtu };
		struct prober p;

		probed_run(&p, &c, &path);
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
		struct prober_config c = probed_plain(1484, 1500);
		struct probed_path path = { .mtu = mtu };
		struct prober p;

		probed_run(&p, &c, &path);
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
		struct prober_config c = probed_tunnel(mtu & 1 ? AF_INET : AF_INET6, 8920);
		struct probed_path path = { .mtu = mtu };
		struct prober p;

		probed_run(&p, &c, &path);
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
		struct probed_path path = { .mtu = mtu };
		struct prober p;

		probed_run(&p, c, &path);
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
	struct prober_config in_tunnel = probed_tunnel(AF_INET, 8920), beside = probed_plain(64, 0);

	(void)state;
	table("tunnel of 8920", &in_tunnel, 1280, 1500, 14, 18);
	table("tunnel of 8920", &in_tunnel, 1501, 8979, 19, 22);
	table("to the byte", &beside, 1280, 1500, 20, 25);
	table("to the byte", &beside, 1501, 8999, 23, 28);
}

/* One that asks for a size learns first, and for certain, whether it arrives. */
static void test_what_is_in_question_is_settled_first(void **state)
{
	struct prober_config c = probed_tunnel(AF_INET, 8920);

	(void)state;
	c.guess = 1516;
	table("one size in question", &c, 1280, 1500, 20, 26);
	for (c.budget = 1; c.budget < 10; c.budget++) {
		struct probed_path path = { .mtu = 1400 };
		struct prober p;

		probed_run(&p, &c, &path);
		if (prober_upper(&p) == 1516)
			return;
		assert_true(prober_lower(&p) <= c.control);
	}
	fail();
}

static void test_a_good_path_carries_everything(void **state)
{
	struct prober_config c = probed_tunnel(AF_INET, 1420);
	struct probed_path path = { .mtu = 1500 };
	struct prober p;

	(void)state;
	probed_run(&p, &c, &path);
	assert_int_equal(p.end, PROBER_WHOLE);
	assert_int_equal(prober_lower(&p), 1480);
	assert_int_equal(prober_upper(&p), 0);
}

/* The tunnel's own MTU limits the padding: a full packet of 1432 is 1492 outside, not 1500. */
static void test_the_tunnel_mtu_limits_the_padding(void **state)
{
	struct prober_config c = probed_tunnel(AF_INET, 1432);
	struct probed_path path = { .mtu = 1492 };
	struct prober p;

	(void)state;
	probed_run(&p, &c, &path);
	assert_int_equal(p.end, PROBER_WHOLE);
	assert_int_equal(prober_lower(&p), 1492);
}

/* A path MTU that the kernel has learned for the host shifts the padding: the sizes must still be those that leave. */
static void test_a_learned_mtu_shifts_the_padding(void **state)
{
	struct prober_config c = probed_tunnel(AF_INET, 8920);
	struct probed_path path = { .mtu = 1500 };
	struct prober p;

	(void)state;
	c.padding_mtu = 1300;
	probed_run(&p, &c, &path);
	assert_int_equal(p.end, PROBER_BRACKETED);
	assert_in_range(1500, prober_lower(&p), prober_upper(&p) - 1);
	assert_true(prober_upper(&p) - prober_lower(&p) <= 16);
}

static void test_the_budget_holds(void **state)
{
	(void)state;
	for (uint32_t budget = 1; budget <= 12; budget++) {
		struct prober_config c = probed_tunnel(AF_INET, 8920);
		struct probed_path path = { .mtu = 1373 };
		struct prober p;

		c.budget = budget;
		probed_run(&p, &c, &path);
		assert_int_equal(p.end, p.answered ? PROBER_GAVE_UP : PROBER_SILENT);
		assert_int_equal(p.sent, budget);
	}
}

/* The interface's own limit: nothing is sent above it, and nothing is said of the path. */
static void test_what_the_interface_refuses_is_no_limit_of_the_path(void **state)
{
	struct prober_config c = probed_plain(64, 0);
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
			prober_answered(&p, o.seq, clock + PROBED_RTT_MS);
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
		cmocka_unit_test(test_what_is_in_question_is_settled_first),
		cmocka_unit_test(test_a_good_path_carries_everything),
		cmocka_unit_test(test_the_tunnel_mtu_limits_the_padding),
		cmocka_unit_test(test_a_learned_mtu_shifts_the_padding),
		cmocka_unit_test(test_the_budget_holds),
		cmocka_unit_test(test_what_the_interface_refuses_is_no_limit_of_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
