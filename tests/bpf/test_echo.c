// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Echo requests and replies in the tunnel: those from here are trials, those from there prove only
 * that they came.
 */
#include "harness.h"

#include <string.h>

#define ID 0x1234

static struct frame f;

static const uint8_t families[] = { AF_INET, AF_INET6 };

static uint8_t family;

static size_t inner(size_t payload)
{
	return payload + (family == AF_INET6 ? 48 : 28);
}

static void echo(struct harness *h, bool tx, bool request, uint16_t sequence, size_t payload)
{
	frame_echo(&f, &(struct ip){ .family = family, .tx = tx, .local = 7, .remote = 8 }, request, ID, sequence,
		   payload);
	run(h, tx ? TUN_TX : TUN_RX, &f);
}

static void ask(struct harness *h, uint16_t sequence, size_t payload)
{
	echo(h, true, true, sequence, payload);
}

static void answered(struct harness *h, uint16_t sequence, size_t payload)
{
	echo(h, false, false, sequence, payload);
}

/* Runs the rest of a test for both families. */
#define for_each_family(state)                                                                                         \
	for (size_t family_i = 0; family_i < 2 && (family = families[family_i], !harness_reset(state)); family_i++)

static void expect_address(const uint8_t address[16], bool local, uint8_t host)
{
	uint8_t expected[16];

	host_address(expected, family, local, host);
	assert_memory_equal(address, expected, 16);
}

static void test_answered(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		struct wire_flow *flow;

		ask(h, 1, 1300);
		flow = flow_only(h);
		assert_int_equal(flow->local_port, ID);
		assert_int_equal(flow->remote_port, 0);
		assert_int_equal(flow->family, family);
		assert_int_equal(flow->protocol, family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
		expect_address(flow->local, true, 7);
		expect_address(flow->remote, false, 8);
		assert_int_equal(flow->trial_inner, inner(1300));
		assert_int_equal(flow->trial_tries, 1);
		assert_int_equal(flow->trial_last_ms, NOW);
		h->config->now_ms += 20;
		answered(h, 1, 1300);
		assert_ptr_equal(flow, flow_only(h));
		assert_int_equal(flow->tx_delivered, 1);
		assert_int_equal(flow->tx_delivered_inner, inner(1300));
		assert_int_equal(flow->tx_delivered_ms, NOW + 20);
		assert_int_equal(flow->rx_delivered_inner, inner(1300));
		assert_int_equal(flow->rx_delivered_ms, NOW + 20);
		assert_int_equal(flow->trial_last_ms, 0);
		/* Nothing is asked any more. */
		answered(h, 1, 1300);
		assert_int_equal(flow->tx_delivered, 1);
	}
}

static void test_unanswered(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		for (uint16_t sequence = 1; sequence <= 5; sequence++) {
			ask(h, sequence, 1300);
			assert_int_equal(flow_only(h)->trial_tries, sequence);
			assert_int_equal(flow_only(h)->trial_seq, sequence);
			assert_int_equal(flow_only(h)->trial_last_ms, h->config->now_ms);
			h->config->now_ms += 1000;
		}
		assert_int_equal(flow_only(h)->trial_first_ms, NOW);
		/* A late answer to the second is an answer. */
		answered(h, 2, 1300);
		assert_int_equal(flow_only(h)->tx_delivered, 1);
		assert_int_equal(flow_only(h)->tx_retried, 1);
		assert_int_equal(flow_only(h)->trial_tries, 0);
	}
}

static void test_other_size(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		ask(h, 1, 1300);
		ask(h, 2, 1300);
		h->config->now_ms += 1000;
		ask(h, 3, 100); /* one looks for the size that goes through */
		assert_int_equal(flow_only(h)->tx_lost_inner, inner(1300));
		assert_int_equal(flow_only(h)->tx_lost_tries, 2);
		assert_int_equal(flow_only(h)->tx_lost_ms, NOW + 1000);
		assert_int_equal(flow_only(h)->trial_inner, inner(100));
		assert_int_equal(flow_only(h)->trial_tries, 1);
		answered(h, 3, 100);
		assert_int_equal(flow_only(h)->tx_delivered_inner, inner(100));
	}
}

/*
 * A larger answer than what is on trial came to an earlier request: it delivers; a smaller one says
 * nothing of the larger.
 */
static void test_answer_of_another_size(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		ask(h, 1, 100);
		ask(h, 2, 1300);
		assert_int_equal(flow_only(h)->tx_lost_inner, 0);
		answered(h, 1, 100);
		assert_int_equal(flow_only(h)->tx_delivered, 0);
		assert_int_equal(flow_only(h)->trial_inner, inner(1300));
		ask(h, 3, 100);
		answered(h, 2, 1300);
		assert_int_equal(flow_only(h)->tx_delivered, 1);
		assert_int_equal(flow_only(h)->tx_delivered_inner, inner(100));
		assert_int_equal(flow_only(h)->rx_delivered_inner, inner(1300));
	}
}

static void test_asked_from_there(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		struct wire_flow *flow;

		echo(h, false, true, 1, 1300);
		h->config->now_ms += 5;
		echo(h, true, false, 1, 1300);
		flow = flow_only(h);
		assert_int_equal(flow->local_port, 0);
		assert_int_equal(flow->remote_port, ID);
		expect_address(flow->local, true, 7);
		expect_address(flow->remote, false, 8);
		assert_int_equal(flow->rx_delivered_inner, inner(1300));
		assert_int_equal(flow->rx_delivered_ms, NOW);
		assert_int_equal(flow->last_rx_ms, NOW);
		assert_int_equal(flow->last_tx_ms, NOW + 5);
		assert_int_equal(flow->trial_last_ms, 0);
		assert_int_equal(flow->tx_delivered, 0);
		/* The same identifier asked from here is another conversation. */
		ask(h, 1, 1300);
		assert_int_equal(flows_n(h), 2);
	}
}

/* What is missing among requests from there was lost; what is asked under old numbers, or others altogether, is not known to be. */
static void test_asked_in_vain(void **state)
{
	static const uint16_t came[] = { 65530, 65531, 65535, 2, 1, 20000, 3 };
	struct harness *h = *state;

	for_each_family(state)
	{
		for (size_t i = 0; i < sizeof(came) / sizeof(came[0]); i++)
			echo(h, false, true, came[i], 100);
		assert_int_equal(flow_only(h)->rx_first, 65530);
		assert_int_equal(flow_only(h)->rx_end, 65536 + 3);
		assert_int_equal(flow_only(h)->rx_filled, 7);
		assert_int_equal(flow_only(h)->rx_next, 0);
	}
}

/* The answer that a closed port gives: 3 code 3, or 1 code 4. */
static void unreachable(struct harness *h, bool tx, uint8_t code, uint16_t port, size_t payload)
{
	static struct frame quote;
	bool six = family == AF_INET6;

	frame_udp(&quote, &(struct ip){ .family = family, .tx = !tx, .local = 7, .remote = 8 }, tx ? port : ID,
		  tx ? ID : port, payload);
	frame_icmp(&f, &(struct ip){ .family = family, .tx = tx, .local = 7, .remote = 8 }, six ? 1 : 3, code, 0,
		   &quote, 60);
	run(h, tx ? TUN_TX : TUN_RX, &f);
}

/* Who counts up the ports that nobody listens on measures the path, and what was asked in vain is missing in the same way. */
static void test_ports_asked_in_vain(void **state)
{
	static const uint16_t came[] = { 40000, 40001, 40005, 40004 };
	struct harness *h = *state;

	for_each_family(state)
	{
		uint8_t code = family == AF_INET6 ? 4 : 3;

		unreachable(h, false, code, 40000, 100);
		unreachable(h, true, code - 1, 40000, 100);
		assert_int_equal(flows_n(h), 0);
		for (size_t i = 0; i < sizeof(came) / sizeof(came[0]); i++)
			unreachable(h, true, code, came[i], 100 + i);
		assert_int_equal(flow_only(h)->local_port, 0);
		assert_int_equal(flow_only(h)->remote_port, ID);
		assert_int_equal(flow_only(h)->protocol, family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
		expect_address(flow_only(h)->local, true, 7);
		expect_address(flow_only(h)->remote, false, 8);
		assert_int_equal(flow_only(h)->rx_first, 40000);
		assert_int_equal(flow_only(h)->rx_end, 40005);
		assert_int_equal(flow_only(h)->rx_filled, 4);
		assert_int_equal(flow_only(h)->rx_cut_inner, inner(103));
		assert_int_equal(flow_only(h)->rx_delivered_inner, 0);
		assert_int_equal(flow_only(h)->trial_last_ms, 0);
	}
}

static void test_no_entry(void **state)
{
	static const uint8_t others[] = { 3, 5, 11, 13, 14, 17, 130, 131, 133, 134, 135, 136 };
	struct harness *h = *state;

	for_each_family(state)
	{
		const struct ip ip = { .family = family, .tx = true };

		answered(h, 1, 1300);
		echo(h, true, false, 1, 1300);
		for (size_t i = 0; i < sizeof(others); i++) {
			frame_icmp(&f, &ip, others[i], 0, ID << 16 | 1, NULL, 0);
			run(h, TUN_TX, &f);
			run(h, TUN_RX, &f);
		}
		/* The other family's types. */
		frame_icmp(&f, &ip, family == AF_INET6 ? 8 : 128, 0, ID << 16 | 1, NULL, 0);
		run(h, TUN_TX, &f);
		assert_int_equal(flows_n(h), 0);
		assert_int_equal(tallies_n(h), 0);
	}
}

/* Messages with the conversation's number in the same place are no part of it. */
static void test_no_answer(void **state)
{
	static const uint8_t others[] = { 3, 11, 14, 16, 130, 132, 134, 136 };
	struct harness *h = *state;

	for_each_family(state)
	{
		const struct ip in = { .family = family, .local = 7, .remote = 8 };

		ask(h, 1, 100);
		for (size_t i = 0; i < sizeof(others); i++) {
			frame_icmp(&f, &in, others[i], 1, ID << 16 | 1, NULL, 0);
			frame_append(&f, NULL, 200);
			run(h, TUN_RX, &f);
		}
		assert_int_equal(flow_only(h)->tx_delivered, 0);
		assert_int_equal(flow_only(h)->rx_delivered_inner, 0);
	}
}

/* Identifier 0: whoever asks, both conversations have one entry. A request is no answer all the same. */
static void test_identifier_zero(void **state)
{
	struct harness *h = *state;

	for (int tx = 1; tx >= 0; tx--) {
		frame_echo(&f, &(struct ip){ .tx = tx }, true, 0, 1, 500);
		run(h, tx ? TUN_TX : TUN_RX, &f);
	}
	assert_int_equal(flow_only(h)->tx_delivered, 0);
	assert_int_equal(flow_only(h)->trial_tries, 1);
}

static void test_largest_of_a_tick(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		echo(h, false, true, 1, 100);
		echo(h, false, true, 2, 900);
		echo(h, false, true, 3, 300);
		assert_int_equal(flow_only(h)->rx_delivered_inner, inner(900));
		h->config->now_ms += 250;
		echo(h, false, true, 4, 100);
		assert_int_equal(flow_only(h)->rx_delivered_inner, inner(100));
	}
}

/* An echo in fragments: each direction's first fragment stands for it. */
static void test_fragments(void **state)
{
	const struct ip first = { .tx = true, .more = true }, last = { .tx = true, .offset = 1392 };
	struct harness *h = *state;

	frame_echo(&f, &first, true, ID, 1, 1384);
	run(h, TUN_TX, &f);
	assert_int_equal(flow_only(h)->trial_inner, 1412);
	frame_echo(&f, &last, true, ID, 1, 600);
	run(h, TUN_TX, &f);
	assert_int_equal(flow_only(h)->trial_inner, 1412);
	assert_int_equal(flow_only(h)->trial_tries, 1);
}

/* A request went out whole, and its reply comes in fragments, as from a host of a smaller MTU: it has been answered. */
static void test_reply_in_fragments(void **state)
{
	const struct ip first = { .more = true, .local = 7, .remote = 8 };
	struct harness *h = *state;

	family = AF_INET;
	ask(h, 1, 1300);
	ask(h, 2, 1300);
	frame_echo(&f, &first, false, ID, 1, 800);
	run(h, TUN_RX, &f);
	assert_int_equal(flow_only(h)->trial_tries, 2);
	frame_echo(&f, &first, false, ID, 2, 800);
	run(h, TUN_RX, &f);
	assert_int_equal(flow_only(h)->trial_last_ms, 0);
	assert_int_equal(flow_only(h)->tx_delivered_inner, inner(1300));
}

/* Our own probes are no traffic, neither the requests nor the answers; anybody else's echo is. */
static void test_own_probes(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		h->config->probe_id = ID + 1;
		ask(h, 1, 1300);
		answered(h, 1, 1300);
		assert_int_equal(flows_n(h), 0);
		h->config->probe_id = ID + 2;
		ask(h, 1, 1300);
		assert_int_equal(flow_only(h)->trial_inner, inner(1300));
		h->config->probe_id = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_answered),
		bpf_test(test_unanswered),
		bpf_test(test_other_size),
		bpf_test(test_answer_of_another_size),
		bpf_test(test_asked_from_there),
		bpf_test(test_asked_in_vain),
		bpf_test(test_ports_asked_in_vain),
		bpf_test(test_no_entry),
		bpf_test(test_no_answer),
		bpf_test(test_identifier_zero),
		bpf_test(test_largest_of_a_tick),
		bpf_test(test_fragments),
		bpf_test(test_reply_in_fragments),
		bpf_test(test_own_probes),
	};

	return cmocka_run_group_tests_name("echo", tests, harness_open, harness_close);
}
