// SPDX-License-Identifier: GPL-2.0-or-later
/* Times of 32 bits made whole, and kept from coming round again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "snapshot.h"

#define WRAP (1ULL << 32)
#define DAY  86400000ULL

static msec_t widened(uint32_t ms, msec_t now)
{
	const struct wire_flow from = { .first_ms = ms };
	struct flow to;

	flow_widen(&to, &from, now);
	return to.first_ms;
}

static void test_times_are_the_latest_that_fit(void **state)
{
	(void)state;
	assert_int_equal(widened(1000, 1000), 1000);
	assert_int_equal(widened(1000, 5000), 1000);
	assert_int_equal(widened(5, WRAP + 5), WRAP + 5);
	assert_int_equal(widened(6, WRAP + 5), 6);
	assert_int_equal(widened((uint32_t)-1, WRAP + 5), WRAP - 1);
	assert_int_equal(widened((uint32_t)(7 * WRAP - 40 * DAY), 7 * WRAP), 7 * WRAP - 40 * DAY);
	assert_int_equal(widened(0, 7 * WRAP + 1), 0);
}

static void test_all_else_stays(void **state)
{
	const struct wire_session_key key = { .index = 7, .remote_port = 51820 };
	struct wire_session session = { .counter_max = 1ULL << 60, .small = 3, .size_outer = 1500, .last_ms = 9 };
	struct wire_flow flow = { .tag = 1ULL << 63, .remote = { 10, 1 }, .local = { 10, 2 }, .remote_port = 25 };
	struct session s;
	struct flow f;

	(void)state;
	flow_widen(&f, &flow, 5000);
	assert_int_equal(f.tag, flow.tag);
	assert_memory_equal(f.remote, flow.remote, sizeof(f.remote));
	assert_memory_equal(f.local, flow.local, sizeof(f.local));
	assert_int_equal(f.remote_port, 25);
	session_widen(&s, &key, &session, WRAP + 8);
	assert_memory_equal(&s.key, &key, sizeof(key));
	assert_int_equal(s.value.counter_max, session.counter_max);
	assert_int_equal(s.value.size_outer, 1500);
	assert_int_equal(s.value.small, 3);
	assert_int_equal(s.value.last_ms, 9);
}

/* A connection that lives for years, and lost something once. */
static void test_what_was_long_ago_stays_long_ago(void **state)
{
	const msec_t start = 1000;
	struct wire_flow wire = { .first_ms = start, .tx_lost_ms = start, .hole_ms = 0 };
	struct flow f;

	(void)state;
	for (msec_t now = start + 1; now < 1000 * DAY; now += DAY / 8) {
		wire.last_rx_ms = (uint32_t)now;
		flow_age(&wire, (uint32_t)now);
		flow_widen(&f, &wire, now);
		assert_int_equal(f.last_rx_ms, now);
		assert_int_equal(f.hole_ms, 0);
		assert_true(f.tx_lost_ms == start || now - f.tx_lost_ms > 10 * DAY);
		assert_true(f.first_ms == start || now - f.first_ms > 10 * DAY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times_are_the_latest_that_fit),
		cmocka_unit_test(test_all_else_stays),
		cmocka_unit_test(test_what_was_long_ago_stays_long_ago),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
