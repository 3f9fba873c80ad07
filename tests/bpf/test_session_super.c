// SPDX-License-Identifier: GPL-2.0-or-later
/* WireGuard's data messages after GRO: one skb of many datagrams, each with its own counter. */
#include <string.h>

#include "session.h"

/* Datagrams that GRO has put together, the last one shorter: each has its own counter. */
static void test_super_packet(void **state)
{
	static const uint64_t counters[] = { 20, 21, 23, 22, 25 };
	struct harness *h = *state;
	struct wire_counters c;
	static struct frame one;

	for (int six = 0; six < 2; six++) {
		const struct ip ip = { .family = six ? AF_INET6 : AF_INET };
		size_t headers = six ? 48 : 28;

		harness_reset(state);
		frame_udp(&f, &ip, WG_PORT, 4500, 0);
		for (size_t i = 0; i < 5; i++) {
			size_t inner = i < 4 ? 64 : 16;

			frame_wg(&one, &ip, &(struct wg){ .index = INDEX, .counter = counters[i], .inner = inner });
			frame_append(&f, one.bytes + one.l4 + 8, 32 + inner);
		}
		f.gso_size = 32 + 64;
		run(h, UND_RX, &f);
		assert_int_equal(session(h).counter_first, 20);
		assert_int_equal(session(h).counter_max, 25);
		assert_int_equal(session(h).received, 5);
		assert_int_equal(session(h).small, 5);
		assert_int_equal(session(h).bytes, 5 * (headers + 32) + 4 * 64 + 16);
		assert_int_equal(session(h).size_outer, headers + 96);
		assert_int_equal(lost(h), 1);
		counters_read(h, UND_RX, &c);
		assert_int_equal(c.wg_packets, 5);
		assert_int_equal(c.wg_bytes, session(h).bytes);
		/* The last one is of another session: only the first can be told to be of this one. */
		f.bytes[f.l4 + 8 + 4 * 96 + 4] ^= 1;
		f.bytes[f.l4 + 8 + 8] = 26;
		run(h, UND_RX, &f);
		assert_int_equal(session(h).received, 6);
		assert_int_equal(session(h).counter_max, 26);
	}
}

/* GRO keeps the order of arrival: the last datagram may be older than the first. */
static void test_super_packet_reordered(void **state)
{
	static struct frame one;
	struct harness *h = *state;

	receive(h, 24);
	frame_udp(&f, &in, WG_PORT, 4500, 0);
	for (uint64_t counter = 27; counter >= 25; counter--) {
		frame_wg(&one, &in, &(struct wg){ .index = INDEX, .counter = counter, .inner = 64 });
		frame_append(&f, one.bytes + one.l4 + 8, 96);
	}
	f.gso_size = 96;
	run(h, UND_RX, &f);
	assert_int_equal(session(h).counter_max, 27);
	assert_int_equal(lost(h), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_super_packet),
		bpf_test(test_super_packet_reordered),
	};

	return cmocka_run_group_tests_name("session super-packets", tests, harness_open, harness_close);
}
