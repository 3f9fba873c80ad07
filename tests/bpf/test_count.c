// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is counted of each packet of a link: sizes, fragments, DF, more than the MTU; super-packets by
 * their segments.
 */
#include "harness.h"

#include <string.h>

static struct frame f;

static const struct ip v4 = { .tx = true }, v6 = { .tx = true, .family = AF_INET6 };

static struct wire_counters counters(struct harness *h, enum program program)
{
	struct wire_counters c;

	counters_read(h, program, &c);
	return c;
}

/* A UDP packet of that many bytes, IP header included. */
static void udp_of(const struct ip *ip, size_t len)
{
	frame_udp(&f, ip, 1000, 2000, len - (ip->family == AF_INET6 ? 40 : 20) - 8);
}

static void test_dont_fragment(void **state)
{
	udp_of(&v4, 100);
	run(*state, TUN_TX, &f);
	assert_int_equal(counters(*state, TUN_TX).dont_fragment, 0);
	udp_of(&(struct ip){ .tx = true, .df = true }, 100);
	run(*state, TUN_TX, &f);
	assert_int_equal(counters(*state, TUN_TX).dont_fragment, 1);
	udp_of(&v6, 100);
	run(*state, TUN_TX, &f);
	assert_int_equal(counters(*state, TUN_TX).dont_fragment, 2);
}

/* Each program counts for its link and its direction. */
static void test_directions(void **state)
{
	/* On a LAN only what may be a message is looked at and counted. */
	frame_echo(&f, &v4, true, 1, 1, 100 - 28);
	for (enum program p = 0; p < PROGRAMS; p++)
		run_times(*state, p, &f, p + 1);
	for (enum program p = 0; p < PROGRAMS; p++) {
		assert_int_equal(counters(*state, p).packets, p + 1);
		assert_int_equal(counters(*state, p).bytes, 100 * (p + 1));
	}
}

static void expect_fragments(struct harness *h, enum program program, unsigned first, unsigned middle, unsigned last)
{
	struct wire_counters c = counters(h, program);

	assert_int_equal(c.fragments_first, first);
	assert_int_equal(c.fragments_middle, middle);
	assert_int_equal(c.fragments_last, last);
	assert_int_equal(c.unparsed, 0);
}

/* What follows the IP header of a later fragment looks like a SYN, or like an extension header, and is neither. */
static void fragments(void **state, const struct ip *whole, uint8_t protocol)
{
	const struct segment syn = { .flags = TCP_SYN, .mss = 1460 };
	struct ip ip = *whole;
	struct harness *h = *state;

	harness_reset(state);
	ip.more = true;
	for (size_t i = 0; i < 3; i++) {
		frame_tcp(&f, &ip, &syn);
		/* Protocol, or next header of the fragment header. */
		f.bytes[ip.family == AF_INET6 ? f.l4 - 8 : f.l3 + 9] = protocol;
		run(h, TUN_TX, &f);
		expect_fragments(h, TUN_TX, 1, i >= 1, i >= 2);
		ip.offset += 1480;
		ip.more = i < 1;
	}
	assert_int_equal(flows_n(h), 0);
	assert_int_equal(loss(h, WIRE_LOSS_UNPARSED), 0);
	assert_int_equal(counters(h, TUN_TX).packets, 3);
}

static void test_fragments(void **state)
{
	fragments(state, &v4, IPPROTO_TCP);
	fragments(state, &v6, IPPROTO_TCP);
	fragments(state,
		  &(struct ip){ .tx = true, .family = AF_INET6, .extensions = { IPPROTO_DSTOPTS }, .extensions_n = 1 },
		  IPPROTO_TCP);
}

/* In a later fragment even "an extension header comes next" is said of bytes that were in the first. */
static void test_fragmented_extension_header(void **state)
{
	struct ip ip = { .tx = true, .family = AF_INET6, .offset = 1480 };

	for (int more = 0; more < 2; more++) {
		ip.more = more;
		frame_begin(&f, &ip, IPPROTO_DSTOPTS);
		frame_append(&f, NULL, 64);
		memset(f.bytes + f.l4, IPPROTO_DSTOPTS, 64);
		run(*state, TUN_TX, &f);
	}
	expect_fragments(*state, TUN_TX, 0, 1, 1);
}

/* A whole packet with a fragment header (RFC 6946) is no fragment. */
static void test_atomic_fragment(void **state)
{
	frame_begin(&f, &v6, IPPROTO_FRAGMENT);
	frame_append(&f, (uint8_t[8]){ IPPROTO_TCP }, 8);
	frame_append(&f, (uint8_t[20]){ 0x9c, 0x40, 1, 187, [12] = 0x50, TCP_SYN }, 20);
	run(*state, TUN_TX, &f);
	expect_fragments(*state, TUN_TX, 0, 0, 0);
	assert_non_null(flow_find(*state, 40000, 443));
}

static void test_oversized(void **state)
{
	struct harness *h = *state;

	udp_of(&v4, TUNNEL_MTU);
	run(h, TUN_TX, &f);
	assert_int_equal(counters(h, TUN_TX).oversized, 0);
	udp_of(&v4, TUNNEL_MTU + 1);
	run(h, TUN_TX, &f);
	assert_int_equal(counters(h, TUN_TX).oversized, 1);
	udp_of(&v6, TUNNEL_MTU + 1);
	run(h, UND_TX, &f);
	assert_int_equal(counters(h, UND_TX).oversized, 0);
	h->config->links[0].mtu = 0;
	run(h, TUN_TX, &f);
	assert_int_equal(counters(h, TUN_TX).oversized, 1);
}

static void test_size_slots(void **state)
{
	for (size_t len = 40; len < 2100; len++) {
		udp_of(&v4, len);
		run(*state, TUN_RX, &f);
		if (len % 16 == 15)
			assert_int_equal(counters(*state, TUN_RX).sizes[len / 16], len < 48 ? 8 : 16);
	}
	assert_int_equal(counters(*state, TUN_RX).packets, 2100 - 40);
}

static const struct segment bulk = { .seq = 1000, .ack = 1, .flags = TCP_ACK, .payload = 3000 };

/* A super-packet is its segments: it counts as many, and is as large as one. */
static void test_super_packet(void **state)
{
	for (int six = 0; six < 2; six++) {
		const struct ip *ip = six ? &v6 : &v4;
		uint8_t options[12] = { 1, 1, 8, 10 };
		size_t headers = (six ? 40 : 20) + 32, mss = TUNNEL_MTU - headers;
		struct segment s = bulk;
		struct wire_counters c;

		s.options = options;
		s.options_n = sizeof(options);
		harness_reset(state);
		frame_tcp(&f, ip, &s);
		f.gso_size = mss;
		run(*state, TUN_TX, &f);
		c = counters(*state, TUN_TX);
		assert_int_equal(c.packets, 3);
		assert_int_equal(c.bytes, 3000 + 3 * headers);
		assert_int_equal(c.oversized, 0);
		assert_int_equal(c.dont_fragment, six ? 3 : 0);
		assert_int_equal(c.sizes[TUNNEL_MTU / 16], 3);
		assert_int_equal(flow_only(*state)->trial_inner, TUNNEL_MTU);
		assert_int_equal(flow_only(*state)->trial_end, bulk.seq + mss);
		assert_int_equal(flow_only(*state)->tx_end, bulk.seq + 3000);
		f.gso_size = mss + 1;
		run(*state, TUN_TX, &f);
		assert_int_equal(counters(*state, TUN_TX).oversized, 3);
		assert_int_equal(flow_only(*state)->trial_inner, TUNNEL_MTU + 1);
	}
}

/* Exactly full segments, and a "super-packet" that is only one. */
static void test_super_packet_edges(void **state)
{
	frame_tcp(&f, &v4, &bulk);
	f.gso_size = 1000;
	run(*state, TUN_TX, &f);
	assert_int_equal(counters(*state, TUN_TX).packets, 3);
	assert_int_equal(counters(*state, TUN_TX).bytes, 3000 + 3 * 40);
	harness_reset(state);
	f.gso_size = 3000;
	run(*state, TUN_TX, &f);
	assert_int_equal(counters(*state, TUN_TX).packets, 1);
	assert_int_equal(counters(*state, TUN_TX).bytes, 3040);
	assert_int_equal(counters(*state, TUN_TX).sizes[3040 / 16], 1);
	harness_reset(state);
	f.gso_size = 3020;
	run(*state, TUN_TX, &f);
	assert_int_equal(counters(*state, TUN_TX).sizes[3040 / 16], 1);
	harness_reset(state);
	f.gso_size = 2999;
	run(*state, TUN_TX, &f);
	assert_int_equal(counters(*state, TUN_TX).packets, 2);
	assert_int_equal(counters(*state, TUN_TX).bytes, 3000 + 80);
}

/* GRO and BIG TCP leave lengths that do not describe the packet: the frame's counts. */
static void test_super_packet_length(void **state)
{
	for (int six = 0; six < 2; six++) {
		harness_reset(state);
		frame_tcp(&f, six ? &v6 : &v4, &bulk);
		put16(f.bytes + f.l3 + (six ? 4 : 2), 200);
		f.gso_size = 1000;
		run(*state, TUN_RX, &f);
		assert_int_equal(counters(*state, TUN_RX).packets, 3);
	}
}

static void test_super_packet_udp(void **state)
{
	udp_of(&v4, 28 + 2500);
	f.gso_size = 1000;
	run(*state, TUN_TX, &f);
	assert_int_equal(counters(*state, TUN_TX).packets, 3);
	assert_int_equal(counters(*state, TUN_TX).bytes, 2500 + 3 * 28);
	assert_int_equal(counters(*state, TUN_TX).sizes[1028 / 16], 3);
}

/* Of an underlay's packets only WireGuard's sizes matter; on a LAN nothing but messages does. */
static void test_what_is_sized(void **state)
{
	struct wire_counters c;

	udp_of(&v4, 1000);
	run(*state, UND_TX, &f);
	assert_int_equal(counters(*state, UND_TX).sizes[1000 / 16], 0);
	assert_int_equal(counters(*state, UND_TX).wg_packets, 0);
	frame_wg(&f, &v4, &(struct wg){ .inner = 1000 - 60 });
	run(*state, UND_TX, &f);
	c = counters(*state, UND_TX);
	assert_int_equal(c.sizes[1000 / 16], 1);
	assert_int_equal(c.wg_packets, 1);
	assert_int_equal(c.wg_bytes, 1000);
	assert_int_equal(c.packets, 2);
	frame_tcp(&f, &v4, &bulk);
	run(*state, LAN_TX, &f);
	f.gso_size = 1000;
	run(*state, LAN_TX, &f);
	udp_of(&v6, 1000);
	run(*state, LAN_TX, &f);
	assert_int_equal(counters(*state, LAN_TX).packets, 0);
	frame_echo(&f, &v4, true, 1, 1, 1000);
	run(*state, LAN_TX, &f);
	assert_int_equal(counters(*state, LAN_TX).packets, 1);
	assert_int_equal(counters(*state, LAN_TX).sizes[1028 / 16], 0);
	assert_int_equal(flows_n(*state), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_dont_fragment),	   bpf_test(test_directions),
		bpf_test(test_fragments),	   bpf_test(test_fragmented_extension_header),
		bpf_test(test_atomic_fragment),	   bpf_test(test_oversized),
		bpf_test(test_size_slots),	   bpf_test(test_super_packet),
		bpf_test(test_super_packet_edges), bpf_test(test_super_packet_length),
		bpf_test(test_super_packet_udp),   bpf_test(test_what_is_sized),
	};

	return cmocka_run_group_tests_name("count", tests, harness_open, harness_close);
}
