// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP out of the tunnel: what has arrived, and holes in the stream that open and close. */
#include "harness.h"

#include <string.h>

#define ISN  77000000u
#define FULL 1380

static struct frame f;

static void tcp(struct harness *h, bool tx, const struct segment *s)
{
	frame_tcp(&f, &(struct ip){ .tx = tx }, s);
	run(h, tx ? TUN_TX : TUN_RX, &f);
}

static void receive(struct harness *h, uint32_t seq, size_t payload)
{
	tcp(h, false, &(struct segment){ .seq = seq, .ack = 1, .flags = TCP_ACK, .payload = payload });
}

static void send_ack(struct harness *h, uint32_t ack)
{
	tcp(h, true, &(struct segment){ .seq = 1, .ack = ack, .flags = TCP_ACK });
}

static void test_in_order(void **state)
{
	struct harness *h = *state;
	struct wire_flow *flow;

	for (uint32_t i = 0; i < 5; i++)
		receive(h, ISN + i * FULL, FULL);
	flow = flow_only(h);
	assert_int_equal(flow->rx_next, ISN + 5 * FULL);
	assert_int_equal(flow->rx_end, ISN + 5 * FULL);
	assert_int_equal(flow->hole_ms, 0);
	assert_int_equal(flow->rx_filled, 0);
	assert_int_equal(flow->rx_delivered_inner, FULL + 40);
	assert_int_equal(flow->rx_delivered_ms, NOW);
	assert_int_equal(flow->last_rx_data_ms, NOW);
	assert_true(flow->flags & WIRE_FLOW_RX_RESPONSE);
}

/* A download that is older than the programs: its first acknowledgement shows that both sides are there. */
static void test_acknowledged(void **state)
{
	struct harness *h = *state;

	receive(h, ISN, FULL);
	assert_false(flow_only(h)->flags & WIRE_FLOW_ESTABLISHED);
	/* A refusal of what belongs to nothing is no acknowledgement. */
	tcp(h, true, &(struct segment){ .seq = 1, .ack = ISN + FULL, .flags = TCP_ACK | TCP_RST });
	assert_false(flow_only(h)->flags & WIRE_FLOW_ESTABLISHED);
	harness_reset(state);
	receive(h, ISN, FULL);
	send_ack(h, ISN + FULL);
	assert_true(flow_only(h)->flags & WIRE_FLOW_ESTABLISHED);
}

/* What came at least once is no news: the sender has not heard that it arrived. */
static void test_sent_again(void **state)
{
	struct harness *h = *state;

	receive(h, ISN, FULL);
	receive(h, ISN + FULL, FULL);
	receive(h, ISN, FULL);
	receive(h, ISN + 2 * FULL - 1, 0); /* keep-alive */
	receive(h, ISN + 2 * FULL - 1, 1);
	assert_int_equal(flow_only(h)->rx_next, ISN + 2 * FULL);
	assert_int_equal(flow_only(h)->hole_ms, 0);
}

static void test_hole_by_data(void **state)
{
	struct harness *h = *state;

	receive(h, ISN, FULL);
	h->config->now_ms += 100;
	receive(h, ISN + 3 * FULL, FULL);
	assert_int_equal(flow_only(h)->hole_ms, NOW + 100);
	assert_int_equal(flow_only(h)->hole_end, ISN + 3 * FULL);
	assert_int_equal(flow_only(h)->rx_next, ISN + FULL);
	assert_int_equal(flow_only(h)->rx_end, ISN + 4 * FULL);
	/* More behind it changes nothing; something within makes it shorter, not younger. */
	h->config->now_ms += 100;
	receive(h, ISN + 4 * FULL, FULL);
	assert_int_equal(flow_only(h)->hole_end, ISN + 3 * FULL);
	receive(h, ISN + 2 * FULL, FULL);
	assert_int_equal(flow_only(h)->hole_end, ISN + 2 * FULL);
	assert_int_equal(flow_only(h)->hole_ms, NOW + 100);
	assert_int_equal(flow_only(h)->rx_end, ISN + 5 * FULL);
}

/* The remote side acknowledges, and its sequence number shows that it has sent what never came. */
static void test_hole_by_ack(void **state)
{
	struct harness *h = *state;

	receive(h, ISN, 100);
	receive(h, ISN + 100 + FULL, 0);
	assert_int_equal(flow_only(h)->hole_ms, NOW);
	assert_int_equal(flow_only(h)->hole_end, ISN + 100 + FULL);
	assert_int_equal(flow_only(h)->rx_next, ISN + 100);
	assert_int_equal(flow_only(h)->rx_end, ISN + 100 + FULL);
}

static void test_filled_by_data(void **state)
{
	struct harness *h = *state;

	receive(h, ISN, FULL);
	receive(h, ISN + 2 * FULL, 0);
	receive(h, ISN + FULL, 100); /* a part of it */
	assert_int_equal(flow_only(h)->rx_next, ISN + FULL + 100);
	assert_int_equal(flow_only(h)->hole_ms, NOW);
	assert_int_equal(flow_only(h)->rx_filled, 0);
	receive(h, ISN + FULL + 100, FULL - 100);
	assert_int_equal(flow_only(h)->hole_ms, 0);
	assert_int_equal(flow_only(h)->rx_filled, 1);
}

/* Behind the hole there may be another one: it counts from now, until the local side acknowledges everything. */
static void test_filled_by_ack(void **state)
{
	struct harness *h = *state;

	receive(h, ISN, FULL);
	receive(h, ISN + 2 * FULL, FULL);
	receive(h, ISN + 4 * FULL, FULL);
	h->config->now_ms += 300;
	receive(h, ISN + FULL, FULL);
	assert_int_equal(flow_only(h)->rx_filled, 1);
	assert_int_equal(flow_only(h)->hole_ms, NOW + 300);
	assert_int_equal(flow_only(h)->hole_end, ISN + 5 * FULL);
	send_ack(h, ISN + 3 * FULL);
	assert_int_equal(flow_only(h)->rx_next, ISN + 3 * FULL);
	assert_int_equal(flow_only(h)->hole_ms, NOW + 300);
	send_ack(h, ISN + 5 * FULL);
	assert_int_equal(flow_only(h)->hole_ms, 0);
	assert_int_equal(flow_only(h)->rx_filled, 2);
	assert_int_equal(flow_only(h)->rx_next, ISN + 5 * FULL);
}

/* The local side has what was not seen here: it came before the first packet seen, or by another way. */
static void test_local_ack_leads(void **state)
{
	struct harness *h = *state;

	receive(h, ISN, FULL);
	send_ack(h, ISN + 9 * FULL);
	assert_int_equal(flow_only(h)->rx_next, ISN + 9 * FULL);
	assert_int_equal(flow_only(h)->rx_end, ISN + 9 * FULL);
	assert_int_equal(flow_only(h)->hole_ms, 0);
	send_ack(h, ISN); /* an old one */
	assert_int_equal(flow_only(h)->rx_next, ISN + 9 * FULL);
}

static void test_jump_not_believed(void **state)
{
	struct harness *h = *state;

	receive(h, ISN, FULL);
	receive(h, ISN + FULL + (1u << 30) + 1, FULL);
	send_ack(h, ISN + FULL + (1u << 30) + 1);
	assert_int_equal(flow_only(h)->rx_next, ISN + FULL);
	assert_int_equal(flow_only(h)->rx_end, ISN + FULL);
	assert_int_equal(flow_only(h)->hole_ms, 0);
	receive(h, ISN + FULL + (1u << 30), 0);
	assert_int_equal(flow_only(h)->hole_ms, NOW);
}

static void test_wrap_around(void **state)
{
	uint32_t seq = 0u - FULL - 100;
	struct harness *h = *state;

	receive(h, seq, FULL);
	receive(h, seq + 2 * FULL, FULL);
	assert_int_equal(flow_only(h)->hole_ms, NOW);
	assert_int_equal(flow_only(h)->hole_end, 1280);
	receive(h, seq + FULL, FULL);
	assert_int_equal(flow_only(h)->rx_filled, 1);
	send_ack(h, seq + 3 * FULL);
	assert_int_equal(flow_only(h)->hole_ms, 0);
	assert_int_equal(flow_only(h)->rx_next, 2660);
}

/* Sequence numbers of a reset may be anything; it ends the flow all the same. */
static void test_reset(void **state)
{
	struct harness *h = *state;

	receive(h, ISN, FULL);
	tcp(h, false, &(struct segment){ .seq = ISN + 5 * FULL, .ack = 9, .flags = TCP_RST | TCP_ACK });
	assert_int_equal(flow_only(h)->hole_ms, 0);
	assert_int_equal(flow_only(h)->rx_next, ISN + FULL);
	assert_true(flow_only(h)->flags & WIRE_FLOW_CLOSED);
	assert_true(flow_only(h)->flags & WIRE_FLOW_RESET);
	assert_true(flow_only(h)->flags & WIRE_FLOW_ABORTED);
}

/* In answer to a segment that belongs to nothing: it acknowledges nothing. Either side may. */
static void test_refused(void **state)
{
	struct harness *h = *state;

	for (int tx = 0; tx < 2; tx++) {
		harness_reset(state);
		receive(h, ISN, FULL);
		tcp(h, tx, &(struct segment){ .seq = tx ? 1 : ISN + FULL, .flags = TCP_RST });
		assert_true(flow_only(h)->flags & WIRE_FLOW_RESET);
		assert_false(flow_only(h)->flags & WIRE_FLOW_ABORTED);
	}
}

static void test_fin(void **state)
{
	struct harness *h = *state;

	receive(h, ISN, FULL);
	tcp(h, false, &(struct segment){ .seq = ISN + 2 * FULL, .ack = 1, .flags = TCP_FIN | TCP_ACK });
	assert_true(flow_only(h)->flags & WIRE_FLOW_CLOSED);
	assert_false(flow_only(h)->flags & WIRE_FLOW_RESET);
	assert_int_equal(flow_only(h)->hole_ms, NOW);
	receive(h, ISN + FULL, FULL);
	send_ack(h, ISN + 2 * FULL + 1);
	assert_int_equal(flow_only(h)->hole_ms, 0);
}

/* The next byte after a FIN is the one that the local side acknowledges, whoever speaks next. */
static void test_ack_after_fin(void **state)
{
	struct harness *h = *state;

	receive(h, ISN, FULL);
	tcp(h, false, &(struct segment){ .seq = ISN + FULL, .ack = 1, .flags = TCP_FIN | TCP_ACK });
	tcp(h, false, &(struct segment){ .seq = ISN + FULL + 1, .ack = 2, .flags = TCP_ACK });
	assert_int_equal(flow_only(h)->hole_ms, 0);
}

static void receive_pushed(struct harness *h, uint32_t seq, size_t payload)
{
	tcp(h, false, &(struct segment){ .seq = seq, .ack = 1, .flags = TCP_ACK | TCP_PSH, .payload = payload });
}

/* What comes last tells whether that was all, in whatever order it comes; an acknowledgement tells nothing. */
static void test_more_to_come(void **state)
{
	struct harness *h = *state;

	receive(h, ISN, FULL);
	assert_true(flow_only(h)->flags & WIRE_FLOW_RX_MORE);
	receive(h, ISN + FULL, 0);
	assert_true(flow_only(h)->flags & WIRE_FLOW_RX_MORE);
	receive_pushed(h, ISN + 2 * FULL, 100);
	assert_false(flow_only(h)->flags & WIRE_FLOW_RX_MORE);
	receive(h, ISN + FULL, FULL);
	assert_false(flow_only(h)->flags & WIRE_FLOW_RX_MORE);
	receive(h, ISN + 2 * FULL + 100, FULL);
	assert_true(flow_only(h)->flags & WIRE_FLOW_RX_MORE);
	tcp(h, false,
	    &(struct segment){ .seq = ISN + 3 * FULL + 100, .ack = 1, .flags = TCP_ACK | TCP_FIN, .payload = 10 });
	assert_false(flow_only(h)->flags & WIRE_FLOW_RX_MORE);
}

/* Hardly any message ends with a full segment, pushed or not. */
static void test_full_segment_pushed(void **state)
{
	struct harness *h = *state;

	tcp(h, true, &(struct segment){ .seq = 0, .flags = TCP_SYN, .mss = FULL });
	tcp(h, false, &(struct segment){ .seq = ISN - 1, .ack = 1, .flags = TCP_SYN | TCP_ACK, .mss = FULL + 80 });
	receive_pushed(h, ISN, FULL);
	assert_true(flow_only(h)->flags & WIRE_FLOW_RX_MORE);
	receive_pushed(h, ISN + FULL, FULL - 1);
	assert_false(flow_only(h)->flags & WIRE_FLOW_RX_MORE);
}

/* What its sender cut is as large as it may send, now; a whole message says nothing of that, nor does what was smaller before. */
static void test_size_that_was_cut(void **state)
{
	struct harness *h = *state;

	receive_pushed(h, ISN, 900);
	assert_int_equal(flow_only(h)->rx_cut_inner, 0);
	receive(h, ISN + 900, FULL);
	assert_int_equal(flow_only(h)->rx_cut_inner, FULL + 40);
	receive_pushed(h, ISN + 900 + FULL, 500);
	receive(h, ISN + 1400 + FULL, 0);
	assert_int_equal(flow_only(h)->rx_cut_inner, FULL + 40);
	receive(h, ISN + 1400 + FULL, 800);
	assert_int_equal(flow_only(h)->rx_cut_inner, 800 + 40);
}

static void test_window_shut(void **state)
{
	struct harness *h = *state;

	receive(h, ISN, FULL);
	tcp(h, true, &(struct segment){ .seq = 1, .ack = ISN + FULL, .flags = TCP_ACK, .window_shut = true });
	assert_true(flow_only(h)->flags & WIRE_FLOW_RX_SHUT);
	assert_true(flow_only(h)->flags & WIRE_FLOW_RX_MORE);
	tcp(h, false, &(struct segment){ .seq = ISN + FULL, .ack = 1, .flags = TCP_ACK, .window_shut = true });
	send_ack(h, ISN + FULL);
	assert_false(flow_only(h)->flags & WIRE_FLOW_RX_SHUT);
}

/* Who does not read closes: Linux resets the connection, with a window that is open again. */
static void test_window_shut_until_reset(void **state)
{
	struct harness *h = *state;

	receive(h, ISN, FULL);
	tcp(h, true, &(struct segment){ .seq = 1, .ack = ISN + FULL, .flags = TCP_ACK, .window_shut = true });
	tcp(h, true, &(struct segment){ .seq = 1, .ack = ISN + FULL, .flags = TCP_RST | TCP_ACK });
	assert_true(flow_only(h)->flags & WIRE_FLOW_RX_SHUT);
}

static void test_largest_of_a_tick(void **state)
{
	struct harness *h = *state;

	receive(h, ISN, 100);
	receive(h, ISN + 100, 900);
	receive(h, ISN + 1000, 300);
	assert_int_equal(flow_only(h)->rx_delivered_inner, 940);
	h->config->now_ms += 250;
	receive(h, ISN + 1300, 100);
	assert_int_equal(flow_only(h)->rx_delivered_inner, 140);
	assert_int_equal(flow_only(h)->rx_delivered_ms, NOW + 250);
	assert_int_equal(flow_only(h)->rx_earlier_inner, 940);
	assert_int_equal(flow_only(h)->rx_earlier_ms, NOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_in_order),
		bpf_test(test_acknowledged),
		bpf_test(test_sent_again),
		bpf_test(test_hole_by_data),
		bpf_test(test_hole_by_ack),
		bpf_test(test_filled_by_data),
		bpf_test(test_filled_by_ack),
		bpf_test(test_local_ack_leads),
		bpf_test(test_jump_not_believed),
		bpf_test(test_wrap_around),
		bpf_test(test_reset),
		bpf_test(test_refused),
		bpf_test(test_fin),
		bpf_test(test_ack_after_fin),
		bpf_test(test_more_to_come),
		bpf_test(test_window_shut),
		bpf_test(test_window_shut_until_reset),
		bpf_test(test_full_segment_pushed),
		bpf_test(test_size_that_was_cut),
		bpf_test(test_largest_of_a_tick),
	};

	return cmocka_run_group_tests_name("flow rx", tests, harness_open, harness_close);
}
