/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bulk transfer that loses a tenth of its packets in the queue that it fills, and then all that it has under way: a hole. What else
 * does that must stay silent.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "snapshots.h"

#define FULL	  1400 /* bytes, inner; 1360 of payload */
#define TICK_FULL 30   /* segments a tick */
#define TICK_LOST 3
#define HOLE	  (16 * SECOND)

static struct scene s;
static struct wire_flow *bulk, *ping;
static struct scene_session *w;

static int start(void **state)
{
	(void)state;
	scene_start(&s, 1420);
	w = scene_session(&s, scene_peer(&s, 'A', "192.0.2.1", "10.1.0.0"));
	bulk = scene_flow(&s, "10.1.0.9");
	ping = scene_ping(&s, "10.1.0.9");
	return 0;
}

static int end(void **state)
{
	(void)state;
	scene_end(&s);
	return 0;
}

/* For n ticks; of the repetitions that are followed one is lost as well in so many (0: none is). */
static void fills_a_queue(int n, int again)
{
	for (int i = 0; i < n; i++) {
		bulk->tx_acked += TICK_FULL * (FULL - SCENE_ACK_INNER);
		bulk->tx_repeated += TICK_LOST;
		bulk->tx_retried++;
		bulk->tx_again += again && i % again == 0;
		flow_delivers(&s, bulk, FULL);
		flow_delivers(&s, ping, 100);
		session_receives(&s, w, 15, 96);
		scene_tick(&s);
	}
}

/* The oldest segment under way is sent again and again, while pings pass; there are so many. True if a finding has opened by then. */
static bool stalls(uint32_t window, uint16_t flags)
{
	for (int i = 0; i < HOLE; i++) {
		session_receives(&s, w, 1, 128);
		scene_stall(&s, bulk, FULL, ping, 1);
		bulk->tx_end = bulk->trial_seq + window * (FULL - SCENE_ACK_INNER);
		bulk->flags |= flags;
	}
	return s.opened;
}

static void test_window_that_vanishes(void **state)
{
	(void)state;
	fills_a_queue(15 * SECOND, 0);
	assert_true(stalls(40, 0));
	assert_int_equal(s.log[0].class, FINDING_PATH_BLACKHOLE);
	assert_int_equal(s.log[0].direction, WIRE_TX);
}

/* Something sent later has arrived. */
static void test_window_of_which_some_arrive(void **state)
{
	(void)state;
	fills_a_queue(15 * SECOND, 0);
	assert_false(stalls(40, WIRE_FLOW_TX_DUPLICATE));
}

static void test_window_of_two(void **state)
{
	(void)state;
	fills_a_queue(15 * SECOND, 0);
	assert_false(stalls(2, 0));
}

/* Where every fourth repetition is lost as well, more of them may be. */
static void test_repetitions_are_lost_as_well(void **state)
{
	(void)state;
	fills_a_queue(15 * SECOND, 4);
	assert_false(stalls(40, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_window_that_vanishes, start, end),
		cmocka_unit_test_setup_teardown(test_window_of_which_some_arrive, start, end),
		cmocka_unit_test_setup_teardown(test_window_of_two, start, end),
		cmocka_unit_test_setup_teardown(test_repetitions_are_lost_as_well, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
