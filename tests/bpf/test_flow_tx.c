// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TCP into the tunnel: which size is on trial, how often it was sent, when it counts as delivered and
 * when as lost.
 */
#include "sender.h"

#include <string.h>

static void test_delivered(void **state)
{
	struct harness *h = *state;
	struct wire_flow *flow;

	send_data(h, ISN, FULL);
	flow = flow_only(h);
	assert_int_equal(flow->trial_seq, ISN);
	assert_int_equal(flow->trial_end, ISN + FULL);
	assert_int_equal(flow->trial_inner, INNER);
	assert_int_equal(flow->trial_tries, 1);
	assert_int_equal(flow->trial_first_ms, NOW);
	assert_int_equal(flow->trial_last_ms, NOW);
	assert_int_equal(flow->headers, 40);
	assert_int_equal(flow->last_tx_data_ms, NOW);
	assert_true(flow->flags & WIRE_FLOW_TX_REQUEST);
	later(h, 30);
	receive_ack(h, ISN + FULL - 1);
	assert_int_equal(flow->tx_delivered, 0);
	receive_ack(h, ISN + FULL);
	assert_int_equal(flow->trial_last_ms, 0);
	assert_int_equal(flow->trial_tries, 0);
	assert_int_equal(flow->tx_delivered, 1);
	assert_int_equal(flow->tx_delivered_inner, INNER);
	assert_int_equal(flow->tx_delivered_ms, NOW + 30);
	assert_int_equal(flow->tx_retried, 0);
	assert_int_equal(flow->tx_acked, ISN + FULL);
	assert_int_equal(flow->last_rx_ms, NOW + 30);
	assert_int_equal(flow->last_tx_ms, NOW);
}

/* One acknowledgement for many segments delivers the one on trial. */
static void test_cumulative(void **state)
{
	struct harness *h = *state;

	for (uint32_t i = 0; i < 10; i++)
		send_data(h, ISN + i * FULL, FULL);
	assert_int_equal(flow_only(h)->trial_seq, ISN);
	assert_int_equal(flow_only(h)->tx_end, ISN + 10 * FULL);
	receive_ack(h, ISN + 10 * FULL);
	assert_int_equal(flow_only(h)->tx_delivered, 1);
	send_data(h, ISN + 10 * FULL, 500);
	assert_int_equal(flow_only(h)->trial_inner, 540);
}

static void test_tries(void **state)
{
	struct harness *h = *state;

	send_data(h, ISN, FULL);
	for (uint32_t i = 1; i <= 6; i++) {
		later(h, 200 << i);
		send_data(h, ISN + FULL, 100); /* something else */
		send_data(h, ISN, FULL);
		assert_int_equal(flow_only(h)->trial_tries, i + 1);
		assert_int_equal(flow_only(h)->trial_last_ms, h->config->now_ms);
	}
	assert_int_equal(flow_only(h)->trial_first_ms, NOW);
	assert_int_equal(flow_only(h)->trial_inner, INNER);
	receive_ack(h, ISN + FULL);
	assert_int_equal(flow_only(h)->tx_retried, 1);
	assert_int_equal(flow_only(h)->tx_again, 5);
	assert_int_equal(flow_only(h)->tx_delivered, 1);
}

/* What is acknowledged once more: something beyond it has arrived, until it is acknowledged itself. */
static void test_duplicate_acknowledgement(void **state)
{
	struct harness *h = *state;

	send_data(h, ISN, FULL);
	send_data(h, ISN + FULL, FULL);
	send_data(h, ISN + 2 * FULL, FULL);
	receive_ack(h, ISN + FULL);
	assert_int_equal(flow_only(h)->flags & WIRE_FLOW_TX_DUPLICATE, 0);
	receive_ack(h, ISN + FULL);
	assert_int_equal(flow_only(h)->flags & WIRE_FLOW_TX_DUPLICATE, WIRE_FLOW_TX_DUPLICATE);
	receive_ack(h, ISN + 3 * FULL);
	assert_int_equal(flow_only(h)->flags & WIRE_FLOW_TX_DUPLICATE, 0);
	receive_ack(h, ISN + 3 * FULL); /* nothing is under way */
	assert_int_equal(flow_only(h)->flags & WIRE_FLOW_TX_DUPLICATE, 0);
}

/* An acknowledgement that reports these bytes as arrived twice (RFC 2883), after time stamps or without them. */
static void receive_twice(struct harness *h, uint32_t ack, uint32_t from, uint32_t to, size_t blocks)
{
	uint32_t edges[] = { htonl(from), htonl(to), htonl(ack + FULL), htonl(ack + 2 * FULL) };
	uint8_t options[40] = { 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1, 5, 2 + 8 * blocks };

	memcpy(options + 16, edges, 8 * blocks);
	tcp(h, false,
	    &(struct segment){
		    .seq = 1, .ack = ack, .flags = TCP_ACK, .options = options, .options_n = 16 + 8 * blocks });
}

/* A sender that is too impatient has lost nothing: whoever got both tries says so. */
static void test_arrived_twice(void **state)
{
	struct harness *h = *state;

	for (uint32_t i = 0; i < 4; i++)
		send_data(h, ISN + i * FULL, FULL);
	later(h, 200);
	for (uint32_t i = 0; i < 3; i++)
		send_data(h, ISN + i * FULL, FULL);
	assert_int_equal(flow_only(h)->repeated, 3);
	later(h, 100);
	receive_ack(h, ISN + FULL);
	assert_int_equal(flow_only(h)->tx_repeated, 0);
	receive_ack(h, ISN + 4 * FULL);
	assert_int_equal(flow_only(h)->tx_repeated, 3);
	assert_int_equal(flow_only(h)->repeated, 0);
	receive_twice(h, ISN + 4 * FULL, ISN, ISN + FULL, 1);
	receive_twice(h, ISN + 4 * FULL, ISN + FULL, ISN + 2 * FULL, 2);
	assert_int_equal(flow_only(h)->tx_twice, 2);
	/* Not of what nobody has, nor of nothing. */
	receive_twice(h, ISN + 4 * FULL, ISN + 4 * FULL, ISN + 5 * FULL, 1);
	receive_twice(h, ISN + 4 * FULL, ISN + FULL, ISN, 1);
	receive_twice(h, ISN + 4 * FULL, 0, 0, 1);
	assert_int_equal(flow_only(h)->tx_twice, 2);
}

/* What is sent again and never acknowledged says nothing of loss: it may be a hole. Nor does what was given up for smaller ones. */
static void test_repeated_in_vain(void **state)
{
	struct harness *h = *state;

	send_data(h, ISN, FULL);
	send_data(h, ISN + FULL, FULL);
	for (uint32_t i = 0; i < 3; i++) {
		later(h, 200 << i);
		send_data(h, ISN, FULL);
		receive_ack(h, ISN);
	}
	assert_int_equal(flow_only(h)->repeated, 3);
	assert_int_equal(flow_only(h)->tx_repeated, 0);
	send_data(h, ISN, 500);
	receive_ack(h, ISN + 500);
	assert_int_equal(flow_only(h)->tx_lost_tries, 4);
	assert_int_equal(flow_only(h)->tx_repeated, 0);
}

/* Whether the sender is told what has arrived: both SYNs must say that it can be (RFC 2018, 2). */
static void test_sack_permitted(void **state)
{
	static const uint8_t options[] = { 2, 4, 5, 180, 4, 2, 1, 1 };
	struct harness *h = *state;

	for (int both = 0; both < 4; both++) {
		size_t ours = both & 1 ? sizeof(options) : 4, theirs = both & 2 ? sizeof(options) : 4;
		uint32_t seq = 1000 * both;

		tcp(h, true, &(struct segment){ .seq = seq, .flags = TCP_SYN, .options = options, .options_n = ours });
		tcp(h, false,
		    &(struct segment){ .seq = ISN - 1,
				       .ack = seq + 1,
				       .flags = TCP_SYN | TCP_ACK,
				       .options = options,
				       .options_n = theirs });
		assert_int_equal(!(flow_only(h)->flags & WIRE_FLOW_NO_SACK), both == 3);
	}
}

/* Options that are cut short or lie about their length report nothing. */
static void test_arrived_twice_in_bad_options(void **state)
{
	static const uint8_t bad[][16] = {
		{ 5, 10, 0, 0, 0, 0, 0, 0 },
		{ 5, 2 },
		{ 5, 0 },
		{ 5, 255 },
		{ 2, 255, 5, 10 },
		{ 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 5, 10 },
	};
	struct harness *h = *state;

	send_data(h, ISN, FULL);
	send_data(h, ISN, FULL);
	receive_ack(h, ISN + FULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		tcp(h, false,
		    &(struct segment){
			    .seq = 1, .ack = ISN + FULL, .flags = TCP_ACK, .options = bad[i], .options_n = 16 });
	assert_int_equal(flow_only(h)->tx_twice, 0);
}

/* A connection that stalls since before the programs: its first packet seen passes for the first try, the next count. */
static void test_stalled_before(void **state)
{
	static const uint32_t rto_ms[] = { 51200, 102400, 120000, 120000 };
	struct harness *h = *state;

	send_data(h, ISN, FULL);
	assert_int_equal(flow_only(h)->trial_tries, 1);
	for (uint32_t i = 0; i < sizeof(rto_ms) / sizeof(rto_ms[0]); i++) {
		later(h, rto_ms[i]);
		send_data(h, ISN, FULL);
		assert_int_equal(flow_only(h)->trial_tries, i + 2);
	}
	assert_int_equal(flow_only(h)->trial_first_ms, NOW);
	assert_false(flow_only(h)->flags & WIRE_FLOW_ESTABLISHED);
}

/* The clock wraps between the tries. */
static void test_across_the_wrap(void **state)
{
	struct harness *h = *state;
	const uint32_t first = -300;

	h->config->now_ms = first;
	send_data(h, ISN, FULL);
	later(h, 200);
	send_data(h, ISN, FULL);
	later(h, 400);
	send_data(h, ISN, FULL);
	assert_int_equal(flow_only(h)->trial_tries, 3);
	assert_int_equal(flow_only(h)->trial_first_ms, first);
	assert_int_equal(flow_only(h)->trial_last_ms, 300);
	receive_ack(h, ISN + FULL);
	assert_int_equal(flow_only(h)->tx_delivered, 1);
	assert_int_equal(flow_only(h)->tx_delivered_ms, 300);
	assert_int_equal(flow_only(h)->last_rx_ms, 300);
	assert_int_equal(flow_only(h)->trial_last_ms, 0);
}

/*
 * The oldest segment without acknowledgement is the one that counts. It was sent before, so this is
 * its second try.
 */
static void test_older_takes_over(void **state)
{
	struct harness *h = *state;

	send_data(h, ISN, FULL);
	send_data(h, ISN + FULL, 600);
	send_data(h, ISN + FULL + 600, 700);
	receive_ack(h, ISN + FULL);
	send_data(h, ISN + FULL + 1300, 800);
	assert_int_equal(flow_only(h)->trial_seq, ISN + FULL + 1300);
	assert_int_equal(flow_only(h)->trial_tries, 1);
	later(h, 200);
	send_data(h, ISN + FULL, 600);
	assert_int_equal(flow_only(h)->trial_seq, ISN + FULL);
	assert_int_equal(flow_only(h)->trial_inner, 640);
	assert_int_equal(flow_only(h)->trial_tries, 2);
	assert_int_equal(flow_only(h)->trial_first_ms, NOW + 200);
	/* The younger one again does not take it back. */
	send_data(h, ISN + FULL + 1300, 800);
	assert_int_equal(flow_only(h)->trial_inner, 640);
	assert_int_equal(flow_only(h)->trial_tries, 2);
}

/* Small writes sent again as one larger segment: no size was lost. */
static void test_merged_larger(void **state)
{
	struct harness *h = *state;

	send_data(h, ISN, 100);
	send_data(h, ISN, 100);
	send_data(h, ISN, 300);
	assert_int_equal(flow_only(h)->trial_inner, 340);
	assert_int_equal(flow_only(h)->trial_tries, 1);
	assert_int_equal(flow_only(h)->trial_end, ISN + 300);
	assert_int_equal(flow_only(h)->tx_lost_inner, 0);
	assert_int_equal(flow_only(h)->tx_lost_ms, 0);
}

static void test_keep_alive(void **state)
{
	struct harness *h = *state;

	send_data(h, ISN, FULL);
	receive_ack(h, ISN + FULL);
	for (int i = 0; i < 5; i++) {
		later(h, 100);
		send_data(h, ISN + FULL - 1, i % 2);
	}
	assert_int_equal(flow_only(h)->trial_last_ms, 0);
	assert_int_equal(flow_only(h)->tx_end, ISN + FULL);
	/* Data that the other side has, sent once more because its acknowledgement came late. */
	send_data(h, ISN, FULL);
	assert_int_equal(flow_only(h)->trial_last_ms, 0);
}

static void test_ack_of_the_unsent(void **state)
{
	struct harness *h = *state;

	send_data(h, ISN, FULL);
	receive_ack(h, ISN + FULL + 2);
	receive_ack(h, ISN + 0x70000000);
	receive_ack(h, ISN - 5000);
	assert_int_equal(flow_only(h)->tx_acked, ISN);
	assert_int_equal(flow_only(h)->tx_delivered, 0);
	assert_int_not_equal(flow_only(h)->trial_last_ms, 0);
	receive_ack(h, ISN + FULL);
	assert_int_equal(flow_only(h)->tx_delivered, 1);
}

/* A bare acknowledgement from here that is ahead of what was seen: what comes then is sent for the first time. */
static void test_own_ack_ahead(void **state)
{
	struct harness *h = *state;

	send_data(h, ISN, FULL);
	receive_ack(h, ISN + FULL);
	send_data(h, ISN + 3 * FULL, 0);
	assert_int_equal(flow_only(h)->tx_end, ISN + FULL);
	send_data(h, ISN + FULL, FULL);
	assert_int_equal(flow_only(h)->trial_tries, 1);
}

/*
 * A number farther ahead than any window, or one so old that it looks like one ahead: it neither goes on trial nor moves
 * the end, and the real acknowledgements are believed as before.
 */
static void test_jump_not_believed(void **state)
{
	static const uint32_t jumps[] = { (1u << 30) + 1, 0x7fffff00, 0x80000005, 0x80000f00 };
	struct harness *h = *state;

	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		harness_reset(state);
		send_data(h, ISN, FULL);
		receive_ack(h, ISN + FULL);
		send_data(h, ISN + FULL, 3000); /* under way, so that the end is ahead of what is acknowledged */
		send_data(h, ISN + FULL + jumps[i], 100);
		assert_int_equal(flow_only(h)->tx_end, ISN + FULL + 3000);
		assert_int_equal(flow_only(h)->trial_seq, ISN + FULL);
		receive_ack(h, ISN + FULL + 3000);
		assert_int_equal(flow_only(h)->tx_delivered, 2);
		/* With nothing on trial it does not become one. */
		send_data(h, ISN + FULL + 3000 + jumps[i], 100);
		assert_int_equal(flow_only(h)->trial_last_ms, 0);
		assert_int_equal(flow_only(h)->tx_end, ISN + FULL + 3000);
	}
	/* As far as a window may reach it is believed. */
	send_data(h, ISN + FULL + 3000 + (1u << 30) - 100, 100);
	assert_int_equal(flow_only(h)->tx_end, ISN + FULL + 3000 + (1u << 30));
	assert_int_equal(flow_only(h)->trial_inner, 140);
}

static void test_wrap_around(void **state)
{
	uint32_t seq = 0u - 3 * FULL / 2;
	struct harness *h = *state;

	for (int i = 0; i < 4; i++) {
		send_data(h, seq, FULL);
		send_data(h, seq, FULL);
		assert_int_equal(flow_only(h)->trial_seq, seq);
		assert_int_equal(flow_only(h)->trial_tries, 2);
		seq += FULL;
		receive_ack(h, seq);
		assert_int_equal(flow_only(h)->tx_delivered, i + 1);
		assert_int_equal(flow_only(h)->tx_acked, seq);
		assert_int_equal(flow_only(h)->tx_end, seq);
	}
}

/* User space looks once a tick: of what was delivered in one, the largest is kept, and until the end of the next. */
static void test_largest_of_a_tick(void **state)
{
	static const size_t payloads[] = { 100, 900, 300 };
	struct harness *h = *state;
	uint32_t seq = ISN;

	for (size_t i = 0; i < 3; i++) {
		send_data(h, seq, payloads[i]);
		seq += payloads[i];
		receive_ack(h, seq);
	}
	assert_int_equal(flow_only(h)->tx_delivered_inner, 940);
	later(h, 250);
	send_data(h, seq, 100);
	receive_ack(h, seq + 100);
	assert_int_equal(flow_only(h)->tx_delivered_inner, 140);
	assert_int_equal(flow_only(h)->tx_earlier_inner, 940);
	assert_int_equal(flow_only(h)->tx_earlier_ms, NOW);
	assert_int_equal(flow_only(h)->tx_delivered, 4);
}

/* FIN takes a sequence number: the acknowledgement of the last bytes is one more than they are. */
static void test_fin_is_acknowledged(void **state)
{
	struct harness *h = *state;

	send_data(h, ISN, FULL);
	tcp(h, true, &(struct segment){ .seq = ISN + FULL, .ack = 1, .flags = TCP_ACK | TCP_FIN });
	assert_true(flow_only(h)->flags & WIRE_FLOW_CLOSED);
	assert_int_equal(flow_only(h)->trial_inner, INNER);
	receive_ack(h, ISN + FULL + 1);
	assert_int_equal(flow_only(h)->tx_delivered, 1);
	assert_int_equal(flow_only(h)->trial_last_ms, 0);
	harness_reset(state);
	tcp(h, true, &(struct segment){ .seq = ISN, .ack = 1, .flags = TCP_ACK | TCP_FIN, .payload = FULL });
	receive_ack(h, ISN + FULL + 2);
	assert_int_equal(flow_only(h)->tx_delivered, 0);
	receive_ack(h, ISN + FULL + 1);
	assert_int_equal(flow_only(h)->tx_delivered, 1);
	assert_int_equal(flow_only(h)->tx_delivered_inner, INNER);
}

/* A closed flow whose last bytes do not get through is on trial as before. */
static void test_closed_flow_goes_on(void **state)
{
	struct harness *h = *state;

	for (int i = 0; i < 4; i++)
		tcp(h, true, &(struct segment){ .seq = ISN, .ack = 1, .flags = TCP_ACK | TCP_FIN, .payload = FULL });
	assert_int_equal(flow_only(h)->trial_tries, 4);
	assert_false(flow_only(h)->flags & WIRE_FLOW_RESET);
}

static void test_reset_from_here(void **state)
{
	struct harness *h = *state;

	send_data(h, ISN, 10);
	assert_false(flow_only(h)->flags & (WIRE_FLOW_CLOSED | WIRE_FLOW_RESET));
	tcp(h, true, &(struct segment){ .seq = ISN + 10, .flags = TCP_RST });
	assert_true(flow_only(h)->flags & WIRE_FLOW_CLOSED);
	assert_true(flow_only(h)->flags & WIRE_FLOW_RESET);
}

/* One try is one packet of the size: a super-packet puts its first segment on trial. */
static void test_super_packets(void **state)
{
	struct harness *h = *state;

	frame_tcp(&f, &(struct ip){ .tx = true },
		  &(struct segment){ .seq = ISN, .ack = 1, .flags = TCP_ACK, .payload = 2 * FULL + 7 });
	f.gso_size = FULL;
	run(h, TUN_TX, &f);
	send_data(h, ISN, FULL); /* its first segment again, alone */
	assert_int_equal(flow_only(h)->trial_tries, 2);
	assert_int_equal(flow_only(h)->tx_lost_inner, 0);
	assert_int_equal(flow_only(h)->tx_end, ISN + 2 * FULL + 7);
	receive_ack(h, ISN + FULL);
	assert_int_equal(flow_only(h)->tx_delivered_inner, INNER);
}

/* Lost are packets, not super-packets; and of several that arrived twice one report may tell. */
static void test_super_packets_again(void **state)
{
	struct harness *h = *state;

	send_data(h, ISN, FULL);
	receive_ack(h, ISN + FULL);
	for (int tries = 0; tries < 2; tries++) {
		frame_tcp(&f, &(struct ip){ .tx = true },
			  &(struct segment){ .seq = ISN + FULL, .ack = 1, .flags = TCP_ACK, .payload = 2 * FULL + 7 });
		f.gso_size = FULL;
		run(h, TUN_TX, &f);
	}
	receive_ack(h, ISN + 3 * FULL + 7);
	assert_int_equal(flow_only(h)->tx_repeated, 3);
	receive_twice(h, ISN + 3 * FULL + 7, ISN + FULL, ISN + 3 * FULL + 7, 1);
	assert_int_equal(flow_only(h)->tx_twice, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_delivered),
		bpf_test(test_cumulative),
		bpf_test(test_tries),
		bpf_test(test_duplicate_acknowledgement),
		bpf_test(test_arrived_twice),
		bpf_test(test_repeated_in_vain),
		bpf_test(test_sack_permitted),
		bpf_test(test_arrived_twice_in_bad_options),
		bpf_test(test_stalled_before),
		bpf_test(test_across_the_wrap),
		bpf_test(test_older_takes_over),
		bpf_test(test_merged_larger),
		bpf_test(test_keep_alive),
		bpf_test(test_ack_of_the_unsent),
		bpf_test(test_own_ack_ahead),
		bpf_test(test_jump_not_believed),
		bpf_test(test_wrap_around),
		bpf_test(test_largest_of_a_tick),
		bpf_test(test_fin_is_acknowledged),
		bpf_test(test_closed_flow_goes_on),
		bpf_test(test_reset_from_here),
		bpf_test(test_super_packets),
		bpf_test(test_super_packets_again),
	};

	return cmocka_run_group_tests_name("flow tx", tests, harness_open, harness_close);
}
