/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The size ledger: what it remembers of one path (ledger.c), and what the snapshots of flows and sessions put into it
 * (ledgers.c, flows.c).
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ledger.h"
#include "snapshots.h"

static struct ledger l;

static int fresh(void **state)
{
	(void)state;
	ledger_free(&l);
	memset(&l, 0, sizeof(l));
	assert_non_null(ledger_history(&l, 0));
	return 0;
}

static void test_knows_nothing_at_first(void **state)
{
	(void)state;
	assert_int_equal(ledger_delivered_ms(&l, 0), 0);
	assert_int_equal(ledger_delivered_below(&l, 0, 0), 0);
}

static void test_remembers_sizes_and_when(void **state)
{
	(void)state;
	ledger_deliver(&l, 1500, 1000);
	ledger_deliver(&l, 172, 5000);
	assert_int_equal(ledger_delivered_ms(&l, 1500), 1000);
	assert_int_equal(ledger_delivered_ms(&l, 1501), 0);
	assert_int_equal(ledger_delivered_ms(&l, 1), 5000);
	assert_int_equal(ledger_delivered_below(&l, 0, 0), 1500);
	assert_int_equal(ledger_delivered_below(&l, 1500, 0), 172);
	assert_int_equal(ledger_delivered_below(&l, 0, 1001), 172);
	assert_int_equal(ledger_delivered_below(&l, 0, 5001), 0);
}

static void test_late_news_does_not_make_a_size_older(void **state)
{
	(void)state;
	ledger_deliver(&l, 1500, 5000);
	ledger_deliver(&l, 1500, 4000);
	assert_int_equal(ledger_delivered_ms(&l, 1500), 5000);
}

static void test_time_zero_is_never(void **state)
{
	(void)state;
	ledger_deliver(&l, 1500, 0);
	assert_int_equal(ledger_delivered_below(&l, 0, 0), 0);
}

/* The route that limits the padding has an MTU between the two, and what is not known counts for neither end of a bracket. */
static void test_padding_by_one_of_several_routes(void **state)
{
	(void)state;
	l.direction = WIRE_TX;
	l.route_mtu_least = 1380;
	l.route_mtu_most = 1500;
	assert_int_equal(ledger_outer_most(&l, 1420), 1484);
	assert_int_equal(ledger_outer_least(&l, 1420), 1480);
	assert_int_equal(ledger_outer_least(&l, 1378), 1440);
	assert_int_equal(ledger_outer_least(&l, 1370), 1436);
	ledger_deliver_inner(&l, 1420, 1000, 1000);
	assert_int_equal(ledger_delivered_below(&l, 0, 0), 1480);
	assert_int_equal(ledger_delivered_ms(&l, 1484), 1000);
	assert_int_equal(ledger_delivered_ms(&l, 1485), 0);
}

/* Of more sizes than it holds it forgets the one not seen for longest. */
static void test_forgets_the_oldest_size(void **state)
{
	(void)state;
	for (uint32_t i = 0; i <= LEDGER_SIZES; i++)
		ledger_deliver(&l, 9000 - 32 * i, 1000 + i);
	assert_int_equal(ledger_delivered_ms(&l, 9000), 0);
	assert_int_equal(ledger_delivered_below(&l, 0, 0), 9000 - 32);
	assert_int_equal(ledger_delivered_ms(&l, 1), 1000 + LEDGER_SIZES);
}

static void test_loss_of_a_time(void **state)
{
	uint32_t lost, received, ticks;

	(void)state;
	l.history->ticks[0] = (struct loss_tick){ 1000, 2, 100 };
	l.history->ticks[1] = (struct loss_tick){ 1250, 3, 50 };
	l.history->ticks[2] = (struct loss_tick){ 1500, 0, 10 };
	l.history->ticks[3] = (struct loss_tick){ 1750, -4, 7 };
	ledger_loss(&l, 1000, 1250, &lost, &received, &ticks);
	assert_int_equal(lost, 5);
	assert_int_equal(received, 150);
	assert_int_equal(ticks, 2);
	ledger_loss(&l, 1251, 9999, &lost, &received, &ticks); /* late packets close older gaps: no loss at least */
	assert_int_equal(lost, 0);
	assert_int_equal(received, 17);
	assert_int_equal(ticks, 0);
	ledger_loss(&l, 0, 9999, &lost, NULL, NULL);
	assert_int_equal(lost, 1);
	l.history->ticks[4] = (struct loss_tick){ 2000, 3, 1 };
	l.history->ticks_next = 5;
	ledger_loss(&l, 1700, 9999, &lost, NULL, NULL); /* … and hide none of a later time */
	assert_int_equal(lost, 3);
}

/* A queue is full for a moment: of what is sent at any moment a small part is lost, though it was half of all packets. */
static void test_loss_at_times(void **state)
{
	struct tried t;

	(void)state;
	for (uint32_t i = 0; i < 20; i++)
		l.history->ticks[i] = (struct loss_tick){ 1000 + 250 * i, i == 7 ? 300 : 0, 15 };
	l.history->ticks[20] = (struct loss_tick){ 6000, -2, 1 }; /* two came late */
	l.history->ticks_next = 21;
	t = ledger_loss_at_times(&l, 0, 9999);
	assert_in_range(t.lost, 5, 8);
	assert_in_range(t.passed, 19 * 15, 20 * 15);
	assert_int_equal(ledger_loss_at_times(&l, 3000, 9999).lost, 0);
	ledger_try(&l, 1500, 2000, (struct trials){ .delivered = 100, .lost = 300 });
	ledger_try(&l, 1500, 4000, (struct trials){ .delivered = 200 });
	t = ledger_trials_at_times(&l, 1500, 0);
	assert_int_equal(t.lost, 6);
	assert_int_equal(t.passed, 202);
}

/* Loss that has risen is known by what it is lately; a clean quarter of a minute is no reason to forget the rest. */
static void test_gaps_of_late(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 200; i++)
		l.history->ticks[i] = (struct loss_tick){ 1000 + 250 * i, i % 10 == 0, 10 };
	l.history->ticks_next = 200;
	assert_int_equal(ledger_gaps_since_ms(&l, 50750), 0); /* a minute ago there was nothing */
	for (uint32_t i = 160; i < 200; i++)
		l.history->ticks[i].lost = 2;
	assert_int_equal(ledger_gaps_since_ms(&l, 50750), 40750);
	for (uint32_t i = 160; i < 200; i++)
		l.history->ticks[i].lost = 0;
	assert_int_equal(ledger_gaps_since_ms(&l, 50750), 0);
}

static struct scene s;
static struct ledgers *ledgers;

static int start(void **state)
{
	(void)state;
	scene_start(&s, 8920);
	scene_peer(&s, 'A', "192.0.2.1", "10.1.0.0");
	scene_peer(&s, 'B', "192.0.2.2", "10.2.0.0");
	ledgers = ledgers_new();
	assert_non_null(ledgers);
	return 0;
}

static int end(void **state)
{
	(void)state;
	ledgers_free(ledgers);
	scene_end(&s);
	return 0;
}

static void step(void)
{
	struct snapshot snap = scene_snapshot(&s, s.clock_ms + SCENE_TICK_MS);

	assert_int_equal(ledgers_step(ledgers, &snap), 0);
	snapshot_free(&snap);
	s.clock_ms += SCENE_TICK_MS;
}

/* NULL: the path has none. */
static const struct ledger *ledger_of(uint8_t key, enum wire_direction direction)
{
	const struct ledger *found;

	for (size_t i = 0; (found = ledgers_at(ledgers, i)); i++)
		if (found->public_key[0] == key && found->direction == direction)
			return found;
	return NULL;
}

static void test_flow_enters_its_peer_in_both_directions(void **state)
{
	struct wire_flow *f = scene_flow(&s, "10.1.0.9");

	(void)state;
	flow_delivers(&s, f, 1428);
	flow_receives(&s, f, 900);
	step();
	assert_int_equal(ledger_delivered_below(ledger_of('A', WIRE_TX), 0, 0), 1500);
	assert_int_equal(ledger_delivered_below(ledger_of('A', WIRE_RX), 0, 0), 960);
	if (ledger_of('B', WIRE_TX))
		assert_int_equal(ledger_delivered_below(ledger_of('B', WIRE_TX), 0, 0), 0);
}

/* What arrives between a snapshot and the moment from which the programs date what comes by it is told by the next one. */
static void test_arrived_while_a_snapshot_was_made(void **state)
{
	struct wire_flow *f = scene_flow(&s, "10.1.0.9");
	msec_t earlier_ms;

	(void)state;
	step();
	earlier_ms = s.clock_ms;
	step();
	f->tx_earlier_ms = f->rx_earlier_ms = earlier_ms;
	f->tx_earlier_inner = 1428;
	f->rx_earlier_inner = 900;
	flow_delivers(&s, f, 100);
	step();
	assert_int_equal(ledger_delivered_ms(ledger_of('A', WIRE_TX), 1500), earlier_ms);
	assert_int_equal(ledger_delivered_ms(ledger_of('A', WIRE_RX), 960), earlier_ms);
}

/* Of several tries it is not known which one got through, also when the snapshot after it tells of it again. */
static void test_told_again_is_no_later(void **state)
{
	struct wire_flow *f = scene_flow(&s, "10.1.0.9");
	msec_t first_ms;

	(void)state;
	step();
	first_ms = s.clock_ms;
	for (int i = 0; i < 3; i++) {
		flow_tries(&s, f, 1428);
		step();
	}
	flow_answered(&s, f);
	step();
	step();
	assert_int_equal(ledger_delivered_below(ledger_of('A', WIRE_TX), 0, 0), 1500);
	assert_int_equal(ledger_delivered_below(ledger_of('A', WIRE_TX), 0, first_ms + 1), 0);
}

/* Kernel WireGuard drops what no peer takes: no verdict about a path may come from it. */
static void test_flow_of_no_peer_counts_for_none(void **state)
{
	struct wire_flow *f = scene_flow(&s, "10.9.0.9");

	(void)state;
	for (int i = 0; i < 20; i++) {
		flow_tries(&s, f, 8920);
		step();
	}
	for (size_t i = 0; ledgers_at(ledgers, i); i++)
		assert_int_equal(ledgers_at(ledgers, i)->stalls_total, 0);
}

static void test_sessions_show_what_is_lost(void **state)
{
	struct scene_session *w = scene_session(&s, &s.peers[1]);
	uint32_t lost, received, ticks;

	(void)state;
	session_receives(&s, w, 10, 1500);
	step();
	session_loses(w, 3);
	session_receives(&s, w, 1, 172);
	step();
	ledger_loss(ledger_of('B', WIRE_RX), 1, s.clock_ms, &lost, &received, &ticks);
	assert_int_equal(lost, 3);
	assert_int_equal(received, 12);
	assert_int_equal(ticks, 1);
	assert_int_equal(ledger_delivered_below(ledger_of('B', WIRE_RX), 0, 0), 1500);
	assert_int_equal(ledger_of('B', WIRE_RX)->last_heard_ms, s.clock_ms - SCENE_TICK_MS);
}

static void test_late_packets_close_their_gaps(void **state)
{
	struct scene_session *w = scene_session(&s, &s.peers[0]);
	uint32_t lost;

	(void)state;
	session_loses(w, 5);
	session_receives(&s, w, 1, 1500);
	step();
	w->value.received += 5;
	step();
	ledger_loss(ledger_of('A', WIRE_RX), 1, s.clock_ms, &lost, NULL, NULL);
	assert_int_equal(lost, 0);
}

/* The kernel's table may have thrown a session away and begun it anew: its counters then start over. */
static void test_session_that_starts_over(void **state)
{
	struct scene_session *w = scene_session(&s, &s.peers[0]);
	uint32_t lost, received;

	(void)state;
	session_receives(&s, w, 1000, 1500);
	session_loses(w, 10);
	step();
	w->value.counter_first = w->value.counter_max = 2000;
	w->value.received = 1;
	session_receives(&s, w, 4, 1500);
	step();
	ledger_loss(ledger_of('A', WIRE_RX), 1, s.clock_ms, &lost, &received, NULL);
	assert_int_equal(lost, 10);
	assert_int_equal(received, 1001 + 5);
}

static void test_endpoint_of_nobody_is_nobody(void **state)
{
	struct scene_session *w = scene_session(&s, &s.peers[0]);

	(void)state;
	w->key.remote_port = 4242;
	session_loses(w, 100);
	session_receives(&s, w, 10, 1500);
	step();
	if (ledger_of('A', WIRE_RX))
		assert_int_equal(ledger_delivered_below(ledger_of('A', WIRE_RX), 0, 0), 0);
}

static void test_stall_names_size_tries_and_ends(void **state)
{
	struct wire_flow *f = scene_flow(&s, "10.1.0.9");
	const struct stall *stall;

	(void)state;
	step();
	for (int i = 0; i < 4; i++) {
		flow_tries(&s, f, 1448);
		step();
	}
	assert_int_equal(ledger_of('A', WIRE_TX)->stalls_n, 1);
	stall = &ledger_of('A', WIRE_TX)->stalls[0];
	assert_int_equal(stall->kind, EVIDENCE_TCP_RETRANSMIT);
	assert_int_equal(stall->outer, 1516);
	assert_int_equal(stall->tries, 4);
	assert_int_equal(stall->flow.destination.port, 25);
	assert_memory_equal(stall->host, f->remote, 16);
	flow_answered(&s, f);
	step();
	assert_int_equal(ledger_of('A', WIRE_TX)->stalls_n, 0);
}

static void test_base_loss_is_that_of_what_gets_through(void **state)
{
	struct wire_flow *f = scene_flow(&s, "10.1.0.9");
	struct trials known;

	(void)state;
	step();
	for (int i = 0; i < 100; i++) {
		if (i % 10 == 0)
			flow_tries(&s, f, 500);
		flow_delivers(&s, f, 500);
		step();
	}
	known = ledger_trials(ledger_of('A', WIRE_TX), 0, 0);
	assert_int_equal(known.delivered, 101);
	assert_int_equal(known.lost, 10);
}

/* Tries in vain that were none: the other side says, a little later, that it got both. */
static void test_what_arrived_twice_was_not_lost(void **state)
{
	struct wire_flow *f = scene_flow(&s, "10.1.0.9");
	struct trials known;

	(void)state;
	step();
	for (int i = 0; i < 10; i++) {
		for (int tries = 0; tries < 3; tries++)
			flow_tries(&s, f, 500);
		step();
		flow_answered(&s, f);
		step();
		flow_delivers(&s, f, 1400);
		s.clock_ms += 2000;
		f->tx_twice += i < 8 ? 2 : 0;
		step();
	}
	known = ledger_trials(ledger_of('A', WIRE_TX), 0, 0);
	assert_int_equal(known.delivered, 21);
	assert_int_equal(known.lost, 4);
	assert_int_equal(known.again, 2);
	/* More than were sent: somebody else doubles packets. */
	f->tx_twice += 100;
	step();
	known = ledger_trials(ledger_of('A', WIRE_TX), 0, 0);
	assert_int_equal(known.delivered, 21);
	assert_int_equal(known.lost, 0);
	assert_int_equal(known.again, 0);
}

/* A hundred full segments are acknowledged, of which some were sent again. */
static struct trials after_repeats(struct wire_flow *f, uint32_t retried, uint32_t repeated)
{
	flow_delivers(&s, f, 1400);
	step();
	f->tx_retried += retried;
	f->tx_repeated += repeated;
	f->tx_acked += 100 * 1360;
	step();
	return ledger_trials(ledger_of('A', WIRE_TX), 0, 0);
}

/* What was sent again and acknowledged was lost, whichever segment was on trial; of a connection that starts over nothing is known. */
static void test_every_repetition_counts(void **state)
{
	struct wire_flow *f = scene_flow(&s, "10.1.0.9");
	struct trials known = after_repeats(f, 0, 2);

	(void)state;
	assert_int_equal(known.delivered, 2 + 100); /* what opened it as well */
	assert_int_equal(known.lost, 2);
	f->tx_twice++;
	step();
	f->tx_delivered = f->tx_retried = f->tx_repeated = f->tx_twice = 0;
	f->tx_acked = 5;
	step();
	known = ledger_trials(ledger_of('A', WIRE_TX), 0, 0);
	assert_int_equal(known.delivered, 2 + 100);
	assert_int_equal(known.lost, 1);
}

/* A sender that is not told what has arrived repeats all that is under way: one of these was lost. */
static void test_repeats_without_sack(void **state)
{
	struct wire_flow *f = scene_flow(&s, "10.1.0.9");
	struct trials known;

	(void)state;
	f->flags |= WIRE_FLOW_NO_SACK;
	known = after_repeats(f, 1, 18);
	assert_int_equal(known.delivered, 2 + 100);
	assert_int_equal(known.lost, 1);
}

/* Small packets that get through say little about large ones. */
static void test_base_loss_is_of_like_sizes(void **state)
{
	struct wire_flow *small = scene_flow(&s, "10.1.0.9"), *large = scene_flow(&s, "10.1.0.9");
	struct trials known;

	(void)state;
	step();
	for (int i = 0; i < 20; i++) {
		flow_delivers(&s, small, 100);
		flow_tries(&s, large, 4000);
		flow_delivers(&s, large, 4000);
		step();
	}
	known = ledger_trials(ledger_of('A', WIRE_TX), 4060, 0);
	assert_int_equal(known.delivered, 20);
	assert_int_equal(known.lost, 20);
	known = ledger_trials(ledger_of('A', WIRE_TX), 8980, 0);
	assert_int_equal(known.delivered, 0);
	known = ledger_trials(ledger_of('A', WIRE_TX), 0, 0);
	assert_int_equal(known.delivered, 42); /* and what opened the two connections */
	assert_int_equal(known.lost, 20);
}

/* The loss of last week says nothing about that of today. */
static void test_base_loss_ages(void **state)
{
	struct wire_flow *f = scene_flow(&s, "10.1.0.9");
	struct trials known;

	(void)state;
	for (int i = 0; i < 1000; i++)
		flow_delivers(&s, f, 500);
	step();
	for (int minute = 0; minute < 15; minute++) {
		s.clock_ms += LEDGER_WINDOW_MS;
		flow_delivers(&s, f, 500);
		step();
	}
	known = ledger_trials(ledger_of('A', WIRE_TX), 0, s.clock_ms - LEDGER_WINDOW_MS);
	assert_true(known.delivered >= 1 && known.delivered <= 3);
}

/* Tries after the first in vain tell how long bursts of loss are. */
static void test_tries_after_a_loss(void **state)
{
	struct wire_flow *f = scene_flow(&s, "10.1.0.9");
	struct trials known;

	(void)state;
	step();
	for (int i = 0; i < 4; i++) {
		flow_tries(&s, f, 500);
		step();
	}
	flow_delivers(&s, f, 500);
	step();
	known = ledger_trials(ledger_of('A', WIRE_TX), 0, 0);
	assert_int_equal(known.lost, 4);
	assert_int_equal(known.again, 3);
	assert_int_equal(known.retried, 1);
}

/* A connection is seen when its SYN leaves, and the other side's numbers are known only a snapshot later. */
static void test_numbers_known_later(void **state)
{
	struct wire_flow *f;
	struct trials known;

	(void)state;
	step();
	f = scene_flow(&s, "10.1.0.9");
	f->flags = WIRE_FLOW_SYN_TX;
	f->tx_first = f->tx_acked = f->rx_first = f->rx_next = f->tx_delivered = f->tx_delivered_ms = 0;
	step();
	f->flags |= WIRE_FLOW_TX_KNOWN | WIRE_FLOW_RX_KNOWN | WIRE_FLOW_ESTABLISHED;
	f->tx_first = f->rx_first = 1U << 29;
	f->tx_acked = f->tx_end = f->tx_first;
	f->rx_next = f->rx_first + 8880;
	flow_delivers(&s, f, 500);
	flow_receives(&s, f, 8920);
	step();
	known = ledger_trials(ledger_of('A', WIRE_TX), 0, 0);
	assert_int_equal(known.delivered, 1);
	known = ledger_trials(ledger_of('A', WIRE_RX), 0, 0);
	assert_int_equal(known.delivered, 1);
}

/* A hole in a stream that is filled: only if the counters have a gap was something lost, else it came late. */
static void test_late_is_not_lost(void **state)
{
	struct scene_session *w = scene_session(&s, &s.peers[0]);
	struct wire_flow *f = scene_flow(&s, "10.1.0.9");

	(void)state;
	step();
	for (int i = 0; i < 20; i++) {
		flow_hole(&s, f, 1368);
		session_receives(&s, w, 20, 1500);
		if (i == 7)
			session_loses(w, 1);
		step();
		flow_fills(&s, f);
		session_receives(&s, w, 1, 1500);
		step();
	}
	assert_int_equal(ledger_trials(ledger_of('A', WIRE_RX), 0, 0).lost, 1);
}

static void test_more_stalls_than_are_looked_at_are_counted(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * LEDGER_STALLS; i++)
		scene_flow(&s, "10.1.0.9");
	for (int tick = 0; tick < 3; tick++) {
		for (size_t i = 0; i < s.flows_n; i++)
			flow_tries(&s, &s.flows[i], 8920);
		step();
	}
	assert_int_equal(ledger_of('A', WIRE_TX)->stalls_n, LEDGER_STALLS);
	assert_int_equal(ledger_of('A', WIRE_TX)->stalls_total, 2 * LEDGER_STALLS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_knows_nothing_at_first, fresh),
		cmocka_unit_test_setup(test_remembers_sizes_and_when, fresh),
		cmocka_unit_test_setup(test_late_news_does_not_make_a_size_older, fresh),
		cmocka_unit_test_setup(test_time_zero_is_never, fresh),
		cmocka_unit_test_setup(test_padding_by_one_of_several_routes, fresh),
		cmocka_unit_test_setup(test_forgets_the_oldest_size, fresh),
		cmocka_unit_test_setup(test_loss_of_a_time, fresh),
		cmocka_unit_test_setup(test_loss_at_times, fresh),
		cmocka_unit_test_setup(test_gaps_of_late, fresh),
		cmocka_unit_test_setup_teardown(test_flow_enters_its_peer_in_both_directions, start, end),
		cmocka_unit_test_setup_teardown(test_arrived_while_a_snapshot_was_made, start, end),
		cmocka_unit_test_setup_teardown(test_told_again_is_no_later, start, end),
		cmocka_unit_test_setup_teardown(test_flow_of_no_peer_counts_for_none, start, end),
		cmocka_unit_test_setup_teardown(test_sessions_show_what_is_lost, start, end),
		cmocka_unit_test_setup_teardown(test_late_packets_close_their_gaps, start, end),
		cmocka_unit_test_setup_teardown(test_session_that_starts_over, start, end),
		cmocka_unit_test_setup_teardown(test_endpoint_of_nobody_is_nobody, start, end),
		cmocka_unit_test_setup_teardown(test_stall_names_size_tries_and_ends, start, end),
		cmocka_unit_test_setup_teardown(test_base_loss_is_that_of_what_gets_through, start, end),
		cmocka_unit_test_setup_teardown(test_what_arrived_twice_was_not_lost, start, end),
		cmocka_unit_test_setup_teardown(test_every_repetition_counts, start, end),
		cmocka_unit_test_setup_teardown(test_repeats_without_sack, start, end),
		cmocka_unit_test_setup_teardown(test_base_loss_is_of_like_sizes, start, end),
		cmocka_unit_test_setup_teardown(test_base_loss_ages, start, end),
		cmocka_unit_test_setup_teardown(test_tries_after_a_loss, start, end),
		cmocka_unit_test_setup_teardown(test_numbers_known_later, start, end),
		cmocka_unit_test_setup_teardown(test_late_is_not_lost, start, end),
		cmocka_unit_test_setup_teardown(test_more_stalls_than_are_looked_at_are_counted, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
