// SPDX-License-Identifier: GPL-2.0-or-later
/* The flow table under pressure: who keeps a place, who has to give way, and that every loss is counted. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define FLOOD	 80000 /* more SYNs than places */
#define FRIENDS	 200
#define IDLE_MS	 60000
#define SYN_MS	 3000
#define CLOSE_MS 2000

static struct frame f;

static void tcp(struct harness *h, bool tx, const struct segment *s)
{
	frame_tcp(&f, &(struct ip){ .tx = tx }, s);
	run(h, tx ? TUN_TX : TUN_RX, &f);
}

static void syn(struct harness *h, uint16_t local_port, uint16_t remote_port)
{
	tcp(h, true, &(struct segment){ .local_port = local_port, .remote_port = remote_port, .flags = TCP_SYN });
}

static void handshake(struct harness *h, uint16_t local_port, uint16_t remote_port)
{
	syn(h, local_port, remote_port);
	tcp(h, false,
	    &(struct segment){
		    .local_port = local_port, .remote_port = remote_port, .ack = 1, .flags = TCP_SYN | TCP_ACK });
}

/* From many ports to many, none of them 443. */
static void flood(struct harness *h, uint32_t from, uint32_t n)
{
	for (uint32_t i = from; i < from + n; i++)
		syn(h, 1 + i % 50000, 1000 + i / 50000);
}

static void test_flood(void **state)
{
	struct harness *h = *state;
	size_t alive = 0;

	for (uint16_t i = 0; i < FRIENDS; i++)
		handshake(h, 50000 + i, 443);
	flood(h, 0, FLOOD);
	for (size_t i = 0; i < WIRE_FLOWS; i++)
		alive += h->flows[i].tag && h->flows[i].remote_port == 443 &&
			 (h->flows[i].flags & WIRE_FLOW_ESTABLISHED);
	assert_int_equal(alive, FRIENDS);
	/* Each SYN has a place, or it or another one is counted as gone. */
	assert_int_equal(flows_n(h) + loss(h, WIRE_LOSS_FLOW_EVICTED) + loss(h, WIRE_LOSS_FLOW_REFUSED),
			 FLOOD + FRIENDS);
	assert_true(loss(h, WIRE_LOSS_FLOW_EVICTED) > FLOOD - WIRE_FLOWS);
}

/* With two places for each, hardly a flow meets two others in a table that a quarter of it fills. */
static void test_two_places(void **state)
{
	struct harness *h = *state;

	flood(h, 0, WIRE_FLOWS / 4);
	assert_true(loss(h, WIRE_LOSS_FLOW_EVICTED) < WIRE_FLOWS / 4 / 20);
	assert_true(flows_n(h) > WIRE_FLOWS / 4 * 95 / 100);
}

static uint32_t place_of(struct harness *h, uint64_t *tag)
{
	for (uint32_t i = 0; i < WIRE_FLOWS; i++) {
		if (h->flows[i].tag) {
			*tag = h->flows[i].tag;
			return i;
		}
	}
	return WIRE_FLOWS;
}

/* Who does not know the seeds cannot aim: either of them moves the flows. */
static void test_seeds(void **state)
{
	struct harness *h = *state;
	size_t moved[2] = { 0, 0 };

	for (uint16_t port = 1; port <= 100; port++) {
		uint64_t tag[3];
		uint32_t at[3];

		for (size_t i = 0; i < 3; i++) {
			memset(h->flows, 0, sizeof(*h->flows) * WIRE_FLOWS);
			if (i)
				h->config->hash_seed[i - 1] ^= 1ull << port % 64;
			syn(h, port, 443);
			at[i] = place_of(h, &tag[i]);
			if (i)
				h->config->hash_seed[i - 1] ^= 1ull << port % 64;
		}
		assert_int_not_equal(tag[0], tag[1]);
		assert_int_not_equal(tag[0], tag[2]);
		moved[0] += at[0] != at[1];
		moved[1] += at[0] != at[2];
	}
	assert_true(moved[0] > 90);
	assert_true(moved[1] > 90);
}

/* Fills every place with copies of *flow (its tag changed to one that nobody has), then lets a SYN come. */
static void expect_claim(void **state, struct wire_flow flow, bool given, uint64_t evicted, uint64_t refused)
{
	struct harness *h = *state;

	harness_reset(state);
	flow.tag = 1;
	flow.remote_port = 1;
	for (size_t i = 0; i < WIRE_FLOWS; i++)
		h->flows[i] = flow;
	syn(h, 40000, 443);
	if (given) {
		struct wire_flow *claimed = flow_find(h, 40000, 443);

		assert_non_null(claimed);
		/* Nothing of its predecessor is left. */
		assert_int_equal(claimed->tx_retried, 0);
		assert_int_equal(claimed->rx_filled, 0);
		assert_int_equal(claimed->flags, WIRE_FLOW_SYN_TX | WIRE_FLOW_TX_KNOWN);
		assert_int_equal(claimed->first_ms, NOW);
	} else {
		assert_null(flow_find(h, 40000, 443));
	}
	assert_int_equal(loss(h, WIRE_LOSS_FLOW_EVICTED), evicted);
	assert_int_equal(loss(h, WIRE_LOSS_FLOW_REFUSED), refused);
}

static struct wire_flow flow_of(uint8_t flags, uint32_t idle_ms)
{
	return (struct wire_flow){ .flags = flags,
				   .last_tx_ms = NOW - idle_ms,
				   .last_rx_ms = NOW - idle_ms - 50,
				   .tx_retried = 9,
				   .rx_filled = 9 };
}

static void test_established_stays(void **state)
{
	struct wire_flow flow = flow_of(WIRE_FLOW_ESTABLISHED, 0);

	expect_claim(state, flow, false, 0, 1);
	expect_claim(state, flow_of(WIRE_FLOW_ESTABLISHED, IDLE_MS), false, 0, 1);
	expect_claim(state, flow_of(WIRE_FLOW_ESTABLISHED, IDLE_MS + 1), true, 0, 0);
	/* One direction is enough to be alive. */
	flow.last_tx_ms = NOW - 2 * IDLE_MS;
	flow.last_rx_ms = NOW - 10;
	expect_claim(state, flow, false, 0, 1);
	flow.last_rx_ms = NOW - 2 * IDLE_MS;
	flow.last_tx_ms = NOW - 10;
	expect_claim(state, flow, false, 0, 1);
}

static void test_unanswered_gives_way(void **state)
{
	expect_claim(state, flow_of(WIRE_FLOW_SYN_TX, SYN_MS + 1), true, 0, 0);
	/* Younger ones as well, but that is a loss. */
	expect_claim(state, flow_of(WIRE_FLOW_SYN_TX, SYN_MS), true, 1, 0);
}

static void test_closed_gives_way(void **state)
{
	const uint8_t closed = WIRE_FLOW_ESTABLISHED | WIRE_FLOW_CLOSED;
	struct wire_flow flow;

	expect_claim(state, flow_of(closed, CLOSE_MS), false, 0, 1);
	expect_claim(state, flow_of(closed, CLOSE_MS + 1), true, 0, 0);
	/* Its sender still repeats what does not get through: that is a witness. */
	flow = flow_of(closed, CLOSE_MS + 1);
	flow.trial_last_ms = NOW - 3000;
	expect_claim(state, flow, false, 0, 1);
	flow = flow_of(closed, CLOSE_MS + 1);
	flow.hole_ms = NOW - 3000;
	expect_claim(state, flow, false, 0, 1);
	/* After a reset nobody does. */
	flow.flags |= WIRE_FLOW_RESET;
	expect_claim(state, flow, true, 0, 0);
}

/* Of two places the one that matters less is taken, whichever it is. */
static void test_second_place(void **state)
{
	struct wire_flow living = flow_of(WIRE_FLOW_ESTABLISHED, 0), syn_only = flow_of(WIRE_FLOW_SYN_TX, 0);
	struct harness *h = *state;
	uint64_t tag;
	uint32_t first;

	syn(h, 40000, 443);
	first = place_of(h, &tag);
	living.tag = syn_only.tag = 1;
	for (int swap = 0; swap < 2; swap++) {
		harness_reset(state);
		for (uint32_t i = 0; i < WIRE_FLOWS; i++)
			h->flows[i] = (i == first) == swap ? syn_only : living;
		syn(h, 40000, 443);
		assert_int_equal(h->flows[first].remote_port == 443, swap);
		assert_non_null(flow_find(h, 40000, 443));
		assert_int_equal(loss(h, WIRE_LOSS_FLOW_EVICTED), 1);
		/* And it is found there again. */
		syn(h, 40000, 443);
		assert_int_equal(flow_find(h, 40000, 443)->trial_tries, 2);
	}
}

/*
 * A free second place, even while the clock is younger than any time limit; and one whose flow is of
 * no more use.
 */
static void test_second_place_unused(void **state)
{
	struct wire_flow living = flow_of(WIRE_FLOW_ESTABLISHED, 0), idle = flow_of(WIRE_FLOW_ESTABLISHED, IDLE_MS + 1);
	struct harness *h = *state;
	uint64_t tag;
	uint32_t first;

	syn(h, 40000, 443);
	first = place_of(h, &tag);
	living.tag = idle.tag = 1;
	for (int used = 0; used < 2; used++) {
		harness_reset(state);
		h->config->now_ms = used ? NOW : 1000;
		living.last_tx_ms = living.last_rx_ms = h->config->now_ms;
		for (uint32_t i = 0; used && i < WIRE_FLOWS; i++)
			h->flows[i] = idle;
		h->flows[first] = living;
		syn(h, 40000, 443);
		assert_non_null(flow_find(h, 40000, 443));
		assert_int_equal(loss(h, WIRE_LOSS_FLOW_EVICTED) + loss(h, WIRE_LOSS_FLOW_REFUSED), 0);
		assert_int_equal(h->flows[first].remote_port, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_flood),
		bpf_test(test_two_places),
		bpf_test(test_seeds),
		bpf_test(test_established_stays),
		bpf_test(test_unanswered_gives_way),
		bpf_test(test_closed_gives_way),
		bpf_test(test_second_place),
		bpf_test(test_second_place_unused),
	};

	return cmocka_run_group_tests_name("table", tests, harness_open, harness_close);
}
