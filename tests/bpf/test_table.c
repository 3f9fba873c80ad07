// SPDX-License-Identifier: GPL-2.0-or-later
/* The flow table under pressure: who keeps a place, who has to give way, and that every loss is counted. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define FLOOD	 80000 /* more SYNs than places */
#define FRIENDS	 200
#define PINGS	 100000
#define IDLE_MS	 60000
#define RTO_MS	 130000
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

/* The same, and each is answered. */
static void crowd(struct harness *h, uint32_t from, uint32_t n)
{
	for (uint32_t i = from; i < from + n; i++)
		handshake(h, 1 + i % 50000, 1000 + i / 50000);
}

/* Data whose acknowledgement does not come, of a connection that is older than the programs. */
static void stall(struct harness *h, uint16_t local_port)
{
	tcp(h, true,
	    &(struct segment){ .local_port = local_port, .seq = 5000, .ack = 1, .flags = TCP_ACK, .payload = 1380 });
}

static size_t friends_n(const struct harness *h)
{
	size_t n = 0;

	for (size_t i = 0; i < WIRE_FLOWS; i++)
		n += h->flows[i].tag && h->flows[i].remote_port == 443;
	return n;
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

/* Nor does it evict what stalled before the programs came, and is sent again too seldom to be told from a first packet. */
static void test_flood_beside_stalled(void **state)
{
	struct harness *h = *state;

	for (uint16_t i = 0; i < FRIENDS; i++)
		stall(h, 50000 + i);
	flood(h, 0, FLOOD);
	assert_int_equal(friends_n(h), FRIENDS);
}

/* Data that belongs to nothing, as much of it as one likes, takes no place from those who were answered, nor a new one's. */
static void test_flood_of_data(void **state)
{
	struct harness *h = *state;

	for (uint16_t i = 0; i < FRIENDS; i++)
		handshake(h, 50000 + i, 443);
	for (uint32_t i = 0; i < 2 * FLOOD; i++)
		tcp(h, i % 2,
		    &(struct segment){ .local_port = 1 + i % 50000,
				       .remote_port = 1000 + i / 50000,
				       .seq = i,
				       .ack = 1,
				       .flags = TCP_ACK,
				       .payload = 100 });
	assert_int_equal(friends_n(h), FRIENDS);
	handshake(h, 40000, 443);
	assert_true(flow_find(h, 40000, 443)->flags & WIRE_FLOW_ESTABLISHED);
	assert_int_equal(loss(h, WIRE_LOSS_FLOW_REFUSED), 0);
}

/* Echo of ever new identifiers, answered, from either side: whoever else comes finds a place and keeps it. */
static void test_flood_of_echo(void **state)
{
	struct harness *h = *state;

	for (int ours = 0; ours < 2; ours++) {
		harness_reset(state);
		for (uint32_t i = 0; i < 2 * PINGS; i++) {
			const struct ip asked = { .tx = ours, .remote = 1 + i / 50000 };
			const struct ip answered = { .tx = !ours, .remote = 1 + i / 50000 };

			if (i == PINGS)
				stall(h, 40000);
			frame_echo(&f, &asked, true, 1 + i % 50000, 1, 56);
			run(h, ours ? TUN_TX : TUN_RX, &f);
			frame_echo(&f, &answered, false, 1 + i % 50000, 1, 56);
			run(h, ours ? TUN_RX : TUN_TX, &f);
		}
		stall(h, 40000);
		assert_int_equal(flow_find(h, 40000, 443)->trial_tries, 2);
		assert_int_equal(loss(h, WIRE_LOSS_FLOW_REFUSED), 0);
	}
}

/* A table that is as full as this has room for all, answered or not, and finds each again. */
static void expect_room(struct harness *h, void (*begin)(struct harness *h, uint32_t from, uint32_t n))
{
	const uint32_t n = WIRE_FLOWS / 10 * 7;

	for (int again = 0; again < 2; again++) {
		begin(h, 0, n);
		assert_int_equal(flows_n(h), n);
		assert_int_equal(loss(h, WIRE_LOSS_FLOW_EVICTED) + loss(h, WIRE_LOSS_FLOW_REFUSED), 0);
	}
}

static void test_room_for_unanswered(void **state)
{
	expect_room(*state, flood);
}

static void test_room_for_living(void **state)
{
	expect_room(*state, crowd);
}

/* More living flows than places: some are refused, and counted, and nobody gives way. */
static void test_full(void **state)
{
	struct harness *h = *state;

	crowd(h, 0, FLOOD);
	/* The SYN, and its answer again. */
	assert_int_equal(flows_n(h) + loss(h, WIRE_LOSS_FLOW_REFUSED) / 2, FLOOD);
	assert_int_equal(loss(h, WIRE_LOSS_FLOW_EVICTED), 0);
	assert_true(flows_n(h) > WIRE_FLOWS / 100 * 95);
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
		assert_int_equal(claimed->flags, WIRE_FLOW_SYN_TX | WIRE_FLOW_TX_KNOWN | WIRE_FLOW_NO_SACK);
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

/* As long as its sender may still repeat what does not get through, or what is missing. */
static void test_stalled_stays(void **state)
{
	struct wire_flow flow;

	for (int missing = 0; missing < 2; missing++) {
		for (uint32_t late = 0; late < 2; late++) {
			flow = flow_of(WIRE_FLOW_ESTABLISHED, RTO_MS + late);
			flow.trial_last_ms = missing ? 0 : flow.last_tx_ms;
			flow.hole_ms = missing ? flow.last_rx_ms : 0;
			expect_claim(state, flow, late, 0, !late);
		}
	}
	/* One that nobody was seen to answer gives way before it is refused a place, but not without being missed. */
	flow = flow_of(WIRE_FLOW_TX_KNOWN | WIRE_FLOW_TX_REQUEST, RTO_MS);
	flow.trial_last_ms = flow.last_tx_ms;
	expect_claim(state, flow, true, 1, 0);
	flow = flow_of(WIRE_FLOW_TX_KNOWN | WIRE_FLOW_TX_REQUEST, RTO_MS + 1);
	flow.trial_last_ms = flow.last_tx_ms;
	expect_claim(state, flow, true, 0, 0);
}

static void test_unanswered_gives_way(void **state)
{
	expect_claim(state, flow_of(WIRE_FLOW_SYN_TX, SYN_MS + 1), true, 0, 0);
	/* The peer's, and our answer to it: that is repeated as well, and still no connection. */
	expect_claim(state, flow_of(WIRE_FLOW_RX_KNOWN | WIRE_FLOW_TX_KNOWN, SYN_MS + 1), true, 0, 0);
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

/* Of all places the one that matters least is taken, wherever it is. */
static void expect_least(void **state, uint8_t flags, uint8_t least)
{
	struct wire_flow living = flow_of(flags, 0), syn_only = flow_of(least, 0);
	struct harness *h = *state;
	uint64_t tag;
	uint32_t first;

	harness_reset(state);
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

static void test_least_place(void **state)
{
	expect_least(state, WIRE_FLOW_ESTABLISHED, WIRE_FLOW_SYN_TX);
	expect_least(state, WIRE_FLOW_ESTABLISHED, WIRE_FLOW_TX_REQUEST);
	expect_least(state, WIRE_FLOW_TX_REQUEST, WIRE_FLOW_SYN_TX);
	expect_least(state, WIRE_FLOW_RX_RESPONSE, 0);
}

/*
 * A free place beyond the first, even while the clock is younger than any time limit; and one whose flow is of
 * no more use.
 */
static void test_other_place_unused(void **state)
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
		bpf_test(test_flood_beside_stalled),
		bpf_test(test_flood_of_data),
		bpf_test(test_flood_of_echo),
		bpf_test(test_room_for_unanswered),
		bpf_test(test_room_for_living),
		bpf_test(test_full),
		bpf_test(test_seeds),
		bpf_test(test_established_stays),
		bpf_test(test_stalled_stays),
		bpf_test(test_unanswered_gives_way),
		bpf_test(test_closed_gives_way),
		bpf_test(test_least_place),
		bpf_test(test_other_place_unused),
	};

	return cmocka_run_group_tests_name("table", tests, harness_open, harness_close);
}
