// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP connections from their first packet: who opened them, what each side announced, and which entry is whose. */
#include "harness.h"

#include <string.h>

#define ISN_LOCAL  3000000000u
#define ISN_REMOTE 500

static struct frame f;

static void tcp(struct harness *h, const struct ip *ip, const struct segment *s)
{
	frame_tcp(&f, ip, s);
	run(h, ip->tx ? TUN_TX : TUN_RX, &f);
}

static void expect_address(const uint8_t address[16], uint8_t family, bool local, uint8_t host)
{
	uint8_t expected[16];

	host_address(expected, family, local, host);
	assert_memory_equal(address, expected, 16);
}

static void expect_identity(struct harness *h, uint8_t family)
{
	struct wire_flow *flow = flow_only(h);

	assert_int_equal(flow->local_port, 40000);
	assert_int_equal(flow->remote_port, 443);
	assert_int_equal(flow->family, family);
	assert_int_equal(flow->protocol, IPPROTO_TCP);
	assert_int_equal(flow->ifindex, h->ifindex[TUN_TX]);
	assert_int_equal(flow->first_ms, NOW);
	expect_address(flow->local, family, true, 7);
	expect_address(flow->remote, family, false, 8);
}

static void opened_from(void **state, uint8_t family, bool local)
{
	const struct ip there = { .family = family, .tx = local, .local = 7, .remote = 8 };
	const struct ip back = { .family = family, .tx = !local, .local = 7, .remote = 8 };
	struct harness *h = *state;

	harness_reset(state);
	tcp(h, &there, &(struct segment){ .seq = ISN_LOCAL, .flags = TCP_SYN, .mss = 1380 });
	expect_identity(h, family);
	assert_int_equal(!!(flow_only(h)->flags & WIRE_FLOW_SYN_TX), local);
	assert_false(flow_only(h)->flags & WIRE_FLOW_ESTABLISHED);
	tcp(h, &back,
	    &(struct segment){ .seq = ISN_REMOTE, .ack = ISN_LOCAL + 1, .flags = TCP_SYN | TCP_ACK, .mss = 1460 });
	h->config->now_ms += 50;
	tcp(h, &there, &(struct segment){ .seq = ISN_LOCAL + 1, .ack = ISN_REMOTE + 1, .flags = TCP_ACK });
	expect_identity(h, family);
	assert_int_equal(flow_only(h)->mss_local, local ? 1380 : 1460);
	assert_int_equal(flow_only(h)->mss_remote, local ? 1460 : 1380);
	assert_int_equal(!!(flow_only(h)->flags & WIRE_FLOW_SYN_TX), local);
	assert_true(flow_only(h)->flags & WIRE_FLOW_ESTABLISHED);
	assert_false(flow_only(h)->flags & (WIRE_FLOW_TX_REQUEST | WIRE_FLOW_RX_RESPONSE | WIRE_FLOW_CLOSED));
	assert_int_equal(flow_only(h)->tx_delivered, 1);
	assert_int_equal(flow_only(h)->tx_acked, (local ? ISN_LOCAL : ISN_REMOTE) + 1);
	assert_int_equal(flow_only(h)->rx_next, (local ? ISN_REMOTE : ISN_LOCAL) + 1);
	assert_int_equal(flow_only(h)->hole_ms, 0);
}

static void test_opened_here(void **state)
{
	opened_from(state, AF_INET, true);
	opened_from(state, AF_INET6, true);
}

static void test_opened_there(void **state)
{
	opened_from(state, AF_INET, false);
	opened_from(state, AF_INET6, false);
}

/* Linux, Windows and others order their options differently. */
static void test_mss_among_options(void **state)
{
	static const struct {
		uint8_t bytes[20];
		size_t n;
		uint16_t mss;
	} options[] = {
		{ { 0 }, 0, 1234 },
		{ { 1, 1, 1, 1, 1, 1, 1 }, 7, 1234 },
		{ { 4, 2 }, 2, 1234 },
		{ { 3, 3, 7, 1, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0 }, 14, 1234 },
		{ { 3, 3, 7, 8, 10, 0, 2, 4, 9, 9, 0, 0, 0, 4, 2 },
		  15,
		  1234 }, /* a time stamp that looks like an MSS */
		{ { 254, 6, 2, 4, 9, 9 }, 6, 1234 },
		{ { 0, 2 }, 2, 0 }, /* the options end before it */
		{ { 1, 0 }, 2, 0 },
		{ { 3, 0 }, 2, 0 }, /* lengths that cannot be */
		{ { 3, 1 }, 2, 0 },
		{ { 2, 3, 5 }, 3, 0 },
		{ { 2, 6, 5, 5, 5, 5 }, 6, 0 },
		{ { 8, 40 }, 2, 0 },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		harness_reset(state);
		tcp(*state, &(struct ip){ .tx = true },
		    &(struct segment){
			    .flags = TCP_SYN, .options = options[i].bytes, .options_n = options[i].n, .mss = 1234 });
		assert_int_equal(flow_only(*state)->mss_local, options[i].mss);
	}
}

/*
 * The last option is cut off by the header's end: the payload is no option. Nor are options of a data
 * segment read.
 */
static void test_mss_outside_options(void **state)
{
	struct harness *h = *state;

	frame_tcp(
		&f, &(struct ip){ .tx = true },
		&(struct segment){
			.flags = TCP_SYN, .options = (uint8_t[]){ 1, 1 }, .options_n = 2, .mss = 1234, .payload = 8 });
	f.bytes[f.l4 + 12] = 6 << 4;
	run(h, TUN_TX, &f);
	assert_int_equal(flow_only(h)->mss_local, 0);
	harness_reset(state);
	tcp(h, &(struct ip){ .tx = true }, &(struct segment){ .flags = TCP_ACK, .mss = 1234, .payload = 8 });
	assert_int_equal(flow_only(h)->mss_local, 0);
}

/* A connection that was there before: its first data makes the entry, a bare acknowledgement does not. */
static void test_found_midway(void **state)
{
	const struct ip out = { .tx = true }, in = { .tx = false };
	struct harness *h = *state;

	tcp(h, &out, &(struct segment){ .seq = 50, .ack = 90, .flags = TCP_ACK });
	tcp(h, &in, &(struct segment){ .seq = 90, .ack = 50, .flags = TCP_ACK });
	tcp(h, &out, &(struct segment){ .seq = 50, .ack = 90, .flags = TCP_ACK | TCP_FIN });
	assert_int_equal(flows_n(h), 0);
	tcp(h, &in, &(struct segment){ .seq = 90, .ack = 50, .flags = TCP_ACK, .payload = 10 });
	assert_int_equal(flow_only(h)->rx_next, 100);
	assert_false(flow_only(h)->flags & WIRE_FLOW_ESTABLISHED);
	tcp(h, &out, &(struct segment){ .seq = 50, .ack = 100, .flags = TCP_ACK, .payload = 10 });
	tcp(h, &in, &(struct segment){ .seq = 100, .ack = 60, .flags = TCP_ACK });
	assert_true(flow_only(h)->flags & WIRE_FLOW_ESTABLISHED);
	assert_int_equal(flow_only(h)->tx_delivered, 1);
}

/* Each difference in the tuple is another flow. */
static void test_separate_entries(void **state)
{
	static const struct ip ips[] = { { .tx = true },
					 { .tx = true, .local = 3 },
					 { .tx = true, .remote = 3 },
					 { .tx = true, .family = AF_INET6 },
					 { .tx = true, .family = AF_INET6, .local = 3 },
					 { .tx = true, .family = AF_INET6, .remote = 3 } };
	struct harness *h = *state;

	for (size_t i = 0; i < 6; i++)
		for (uint16_t local = 1; local <= 3; local++)
			for (uint16_t remote = 1; remote <= 3; remote++)
				tcp(h, &ips[i],
				    &(struct segment){ .local_port = local, .remote_port = remote, .flags = TCP_SYN });
	assert_int_equal(flows_n(h), 54);
	/* The same tuple on another tunnel. */
	h->config->links[1].role = WIRE_ROLE_TUNNEL;
	h->ifindex[TUN_TX] = h->ifindex[UND_TX];
	tcp(h, &ips[0], &(struct segment){ .local_port = 1, .remote_port = 1, .flags = TCP_SYN });
	h->ifindex[TUN_TX] = h->ifindex[TUN_RX];
	assert_int_equal(flows_n(h), 55);
}

static void test_syn_tries(void **state)
{
	struct harness *h = *state;

	for (int i = 1; i <= 4; i++) {
		tcp(h, &(struct ip){ .tx = true },
		    &(struct segment){ .seq = ISN_LOCAL, .flags = TCP_SYN, .mss = 1460 });
		assert_int_equal(flow_only(h)->trial_tries, i);
		assert_int_equal(flow_only(h)->trial_inner, 44);
		h->config->now_ms += 1000;
	}
	assert_int_equal(flow_only(h)->first_ms, NOW);
}

/*
 * Ports are used anew, with sequence numbers before or after the old ones: nothing is left of the
 * earlier connection.
 */
static void ports_used_anew(void **state, bool local, uint32_t isn)
{
	const struct ip there = { .tx = local, .local = 7, .remote = 8 },
			back = { .tx = !local, .local = 7, .remote = 8 };
	struct harness *h = *state;

	opened_from(state, AF_INET, local);
	tcp(h, &there,
	    &(struct segment){ .seq = ISN_LOCAL + 1, .ack = ISN_REMOTE + 1, .flags = TCP_ACK, .payload = 1000 });
	tcp(h, &back, &(struct segment){ .seq = ISN_REMOTE + 9000, .ack = ISN_LOCAL + 1, .flags = TCP_ACK });
	tcp(h, &there, &(struct segment){ .seq = ISN_LOCAL + 1001, .flags = TCP_RST });
	h->config->now_ms += 5000;
	tcp(h, &there, &(struct segment){ .seq = isn, .flags = TCP_SYN, .mss = 1300 });
	assert_int_equal(flow_only(h)->flags & ~(WIRE_FLOW_TX_KNOWN | WIRE_FLOW_RX_KNOWN | WIRE_FLOW_NO_SACK),
			 local ? WIRE_FLOW_SYN_TX : 0);
	assert_int_equal(flow_only(h)->first_ms, h->config->now_ms);
	assert_int_equal(flow_only(h)->hole_ms, 0);
	assert_int_equal(flow_only(h)->family, AF_INET);
	assert_int_equal(flow_only(h)->protocol, IPPROTO_TCP);
	assert_int_equal(flow_only(h)->local_port, 40000);
	assert_int_equal(local ? flow_only(h)->mss_remote : flow_only(h)->mss_local, 0);
	expect_address(flow_only(h)->remote, AF_INET, false, 8);
	tcp(h, &back, &(struct segment){ .seq = 12345, .ack = isn + 1, .flags = TCP_SYN | TCP_ACK, .mss = 1460 });
	tcp(h, &there, &(struct segment){ .seq = isn + 1, .ack = 12346, .flags = TCP_ACK, .payload = 1000 });
	tcp(h, &back, &(struct segment){ .seq = 12346, .ack = isn + 1001, .flags = TCP_ACK, .payload = 500 });
	tcp(h, &there, &(struct segment){ .seq = isn + 1001, .ack = 12846, .flags = TCP_ACK });
	assert_int_equal(flow_only(h)->hole_ms, 0);
	assert_int_equal(flow_only(h)->tx_delivered, 2);
	assert_true(flow_only(h)->flags & WIRE_FLOW_ESTABLISHED);
}

static void test_ports_used_anew(void **state)
{
	ports_used_anew(state, true, ISN_LOCAL + 100000);
	ports_used_anew(state, true, ISN_LOCAL - 100000);
	ports_used_anew(state, false, ISN_LOCAL + 100000);
	ports_used_anew(state, false, ISN_LOCAL - 100000);
}

/* A SYN or its answer that comes once more, because one was lost further on, is no new connection. */
static void test_syn_again(void **state)
{
	for (int local = 0; local < 2; local++) {
		const struct ip back = { .tx = !local, .local = 7, .remote = 8 };
		struct harness *h = *state;

		opened_from(state, AF_INET, local);
		tcp(h, &(struct ip){ .tx = local, .local = 7, .remote = 8 },
		    &(struct segment){ .seq = ISN_LOCAL, .flags = TCP_SYN, .mss = 1380 });
		tcp(h, &back,
		    &(struct segment){ .seq = ISN_REMOTE + 1, .ack = ISN_LOCAL + 1, .flags = TCP_ACK, .payload = 9 });
		tcp(h, &back, &(struct segment){ .seq = ISN_REMOTE, .ack = ISN_LOCAL + 1, .flags = TCP_SYN | TCP_ACK });
		assert_true(flow_only(h)->flags & WIRE_FLOW_ESTABLISHED);
		assert_int_equal(flow_only(h)->first_ms, NOW);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_opened_here),	    bpf_test(test_opened_there),    bpf_test(test_mss_among_options),
		bpf_test(test_mss_outside_options), bpf_test(test_found_midway),    bpf_test(test_separate_entries),
		bpf_test(test_syn_tries),	    bpf_test(test_ports_used_anew), bpf_test(test_syn_again),
	};

	return cmocka_run_group_tests_name("handshake", tests, harness_open, harness_close);
}
