// SPDX-License-Identifier: GPL-2.0-or-later
/* WireGuard's data messages on the underlay: what never arrived is counted by the gaps of their counter. */
#include <string.h>

#include "session.h"

static const struct ip out = { .tx = true, .local = 7, .remote = 8 };

static void test_in_order(void **state)
{
	struct harness *h = *state;
	struct wire_session s;

	for (uint64_t counter = 5; counter < 15; counter++) {
		receive(h, counter);
		h->config->now_ms += 10;
	}
	s = session(h);
	assert_int_equal(s.counter_first, 5);
	assert_int_equal(s.counter_max, 14);
	assert_int_equal(s.received, 10);
	assert_int_equal(s.duplicates, 0);
	assert_int_equal(s.bytes, 10 * 1060);
	assert_int_equal(s.size_outer, 1060);
	assert_int_equal(s.first_ms, NOW);
	assert_int_equal(s.last_ms, NOW + 90);
	assert_int_equal(s.ifindex, h->ifindex[UND_RX]);
	assert_int_equal(lost(h), 0);
}

static void test_gaps(void **state)
{
	struct harness *h = *state;

	receive(h, 100);
	receive(h, 102);
	assert_int_equal(lost(h), 1);
	receive(h, 200); /* beyond the window */
	assert_int_equal(lost(h), 98);
	receive(h, 264);
	assert_int_equal(lost(h), 161);
	assert_int_equal(session(h).received, 4);
}

/* A late packet closes its own gap, wherever it comes, and counts only once. */
static void test_reordered(void **state)
{
	static const uint64_t counters[] = { 103, 101, 104, 102, 100, 109, 105, 108, 107, 106 };
	struct harness *h = *state;

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		receive(h, counters[i]);
	assert_int_equal(lost(h), 0);
	assert_int_equal(session(h).counter_first, 100);
	assert_int_equal(session(h).counter_max, 109);
	assert_int_equal(session(h).received, 10);
	assert_int_equal(session(h).duplicates, 0);
}

/* Behind the window of 64 what came twice cannot be told: it counts as come. */
static void test_edge_of_the_window(void **state)
{
	struct harness *h = *state;

	receive(h, 0);
	receive(h, 63);
	receive(h, 0);
	assert_int_equal(session(h).duplicates, 1);
	assert_int_equal(session(h).received, 2);
	receive(h, 64);
	receive(h, 1); /* the oldest within it, and new */
	receive(h, 1);
	assert_int_equal(session(h).duplicates, 2);
	assert_int_equal(session(h).received, 4);
	receive(h, 1000);
	receive(h, 936);
	receive(h, 937);
	assert_int_equal(session(h).received, 7);
	assert_int_equal(session(h).duplicates, 2);
	assert_int_equal(lost(h), 1001 - 7);
}

static void test_duplicates(void **state)
{
	struct harness *h = *state;

	receive(h, 7);
	receive(h, 7);
	receive(h, 8);
	receive(h, 7);
	receive(h, 8);
	assert_int_equal(session(h).duplicates, 3);
	assert_int_equal(session(h).received, 2);
	assert_int_equal(lost(h), 0);
}

/*
 * Anybody can write a counter into a datagram: a farther one than any burst of loss explains is
 * counted, not believed.
 */
static void test_jump_too_far(void **state)
{
	struct harness *h = *state;

	receive(h, 9);
	receive(h, 10);
	receive(h, 10 + (1 << 20) + 1);
	receive(h, UINT64_MAX);
	assert_int_equal(session(h).counter_max, 10);
	assert_int_equal(session(h).received, 2);
	assert_int_equal(session(h).bytes, 2 * 1060);
	assert_int_equal(loss(h, WIRE_LOSS_UNPARSED), 2);
}

/* The first one that is seen may be the false one: the session does not hang on it. */
static void test_first_is_false(void **state)
{
	struct harness *h = *state;

	receive(h, 10 + (1ULL << 37));
	receive(h, 11);
	receive(h, 12);
	assert_int_equal(session(h).counter_first, 11);
	assert_int_equal(session(h).counter_max, 12);
	assert_int_equal(session(h).received, 2);
	assert_int_equal(loss(h, WIRE_LOSS_UNPARSED), 1);
	harness_reset(state);
	receive(h, 3);
	receive(h, 1 << 22);
	receive(h, (1 << 22) + 1);
	assert_int_equal(session(h).counter_first, 1 << 22);
	assert_int_equal(session(h).received, 2);
}

/* The session goes on far ahead, as after an outage: with the second packet, which tells that the first was right. */
static void test_jump_confirmed(void **state)
{
	struct harness *h = *state;

	receive(h, 10);
	receive(h, (1 << 20) + 9);
	assert_int_equal(session(h).counter_max, 10);
	receive(h, (1 << 20) + 10);
	assert_int_equal(session(h).counter_max, (1 << 20) + 10);
	assert_int_equal(session(h).received, 3);
	assert_int_equal(lost(h), (1 << 20) - 2);
	/* In a hole nearly all may be lost; and the two may change places. */
	receive(h, (1 << 20) + 20000);
	receive(h, (1 << 20) + 40000);
	assert_int_equal(session(h).received, 5);
	receive(h, (1 << 20) + 50001);
	receive(h, (1 << 20) + 50000);
	assert_int_equal(session(h).counter_max, (1 << 20) + 50001);
	assert_int_equal(session(h).received, 7);
	assert_int_equal(session(h).duplicates, 0);
	assert_int_equal(loss(h, WIRE_LOSS_UNPARSED), 0);
}

/* One datagram that was corrupted on the way, or made by somebody: what follows goes on where the session was. */
static void test_jump_refuted(void **state)
{
	struct harness *h = *state;

	receive(h, 10);
	receive(h, 50000);
	receive(h, 11);
	receive(h, 12);
	receive(h, 50001);
	receive(h, 50001);
	receive(h, 13);
	assert_int_equal(session(h).counter_max, 13);
	assert_int_equal(session(h).received, 4);
	assert_int_equal(lost(h), 0);
	assert_int_equal(loss(h, WIRE_LOSS_UNPARSED), 3);
	receive(h, 13 + 1024); /* a burst of loss is believed at once */
	assert_int_equal(lost(h), 1023);
	assert_int_equal(loss(h, WIRE_LOSS_UNPARSED), 3);
}

/* The same the other way: an old packet replayed makes no gap of a million. */
static void test_jump_back(void **state)
{
	struct harness *h = *state;

	receive(h, (1 << 22) - 1);
	receive(h, 1 << 22);
	receive(h, 3);
	receive(h, (1 << 22) - 8129);
	assert_int_equal(lost(h), 0);
	assert_int_equal(session(h).received, 2);
	assert_int_equal(loss(h, WIRE_LOSS_UNPARSED), 2);
	/* WireGuard itself still takes this one. */
	receive(h, (1 << 22) - 8128);
	assert_int_equal(session(h).received, 3);
	assert_int_equal(session(h).counter_first, (1 << 22) - 8128);
}

static void test_last_counters(void **state)
{
	struct harness *h = *state;

	receive(h, UINT64_MAX - 2);
	receive(h, UINT64_MAX - 1);
	receive(h, UINT64_MAX);
	receive(h, 5);
	assert_int_equal(session(h).counter_max, UINT64_MAX);
	assert_int_equal(session(h).received, 3);
}

static void test_not_wireguard(void **state)
{
	struct harness *h = *state;
	struct wire_counters c;

	for (size_t i = 0; i < 3; i++) {
		frame_wg(&f, &in, &(struct wg){ .index = INDEX });
		f.bytes[f.l4 + 8 + 1 + i] = 1; /* reserved; another protocol, or Cloudflare's client id */
		run(h, UND_RX, &f);
	}
	for (unsigned type = 0; type < 256; type++) {
		if (type >= 1 && type <= 4)
			continue;
		frame_wg(&f, &in, &(struct wg){ .index = INDEX });
		f.bytes[f.l4 + 8] = type;
		run(h, UND_RX, &f);
	}
	/* The local port decides, not the remote one: not for what is received, and not for what is sent. */
	frame_wg(&f, &in, &(struct wg){ .local_port = 4500, .remote_port = WG_PORT });
	run(h, UND_RX, &f);
	frame_wg(&f, &out, &(struct wg){ .local_port = 4500, .remote_port = WG_PORT });
	run(h, UND_TX, &f);
	frame_wg(&f, &in, &(struct wg){ .local_port = WG_PORT ^ 0x100 });
	run(h, UND_RX, &f);
	/* Too short for a message. */
	frame_udp(&f, &in, WG_PORT, 4500, 15);
	f.bytes[f.l4 + 8] = 4;
	run(h, UND_RX, &f);
	frame_tcp(&f, &in, &(struct segment){ .local_port = WG_PORT, .flags = TCP_SYN });
	run(h, UND_RX, &f);
	assert_int_equal(sessions_n(h), 0);
	assert_int_equal(tallies_n(h), 0);
	counters_read(h, UND_RX, &c);
	assert_int_equal(c.wg_packets, 0);
}

static void test_handshakes(void **state)
{
	struct harness *h = *state;
	struct wire_tally_key key;
	struct wire_tally t;
	uint8_t remote[16];

	for (uint8_t type = 1; type <= 3; type++) {
		frame_wg(&f, &in, &(struct wg){ .type = type, .inner = 100 + type });
		run_times(h, UND_RX, &f, type);
		frame_wg(&f, &out, &(struct wg){ .type = type, .inner = 100 + type });
		run_times(h, UND_TX, &f, 10 * type);
	}
	assert_int_equal(sessions_n(h), 0);
	assert_int_equal(tallies_n(h), 6);
	host_address(remote, AF_INET, false, 8);
	for (int type = 1; type <= 3; type++) {
		for (int tx = 0; tx < 2; tx++) {
			assert_true(
				tally_find(h, tx ? WIRE_TALLY_HANDSHAKE_TX : WIRE_TALLY_HANDSHAKE_RX, type, &key, &t));
			assert_int_equal(t.count, tx ? 10 * type : type);
			assert_int_equal(t.size_max, 160 + type);
			assert_int_equal(key.port, 4500);
			assert_int_equal(key.family, AF_INET);
			assert_int_equal(key.tunnel, 0);
			assert_int_equal(key.ifindex, h->ifindex[UND_TX]);
			assert_memory_equal(key.remote, remote, 16);
		}
	}
}

static void test_keys(void **state)
{
	struct harness *h = *state;
	struct wire_session_key key;
	struct wire_session s;
	uint8_t remote[16];

	for (int six = 0; six < 2; six++) {
		for (int tx = 0; tx < 2; tx++) {
			const struct ip ip = { .tx = tx, .local = 7, .remote = 8, .family = six ? AF_INET6 : AF_INET };
			struct wg wg = { .index = 0x01020304u + 2 * six, .counter = 0x0102030405060708, .inner = 64 };

			frame_wg(&f, &ip, &wg);
			run(h, tx ? UND_TX : UND_RX, &f);
			assert_true(session_find(h, tx ? WIRE_TX : WIRE_RX, wg.index, &key, &s));
			host_address(remote, six ? AF_INET6 : AF_INET, false, 8);
			assert_memory_equal(key.remote, remote, 16);
			assert_int_equal(key.remote_port, 4500);
			assert_int_equal(key.local_port, WG_PORT);
			assert_int_equal(key.family, six ? AF_INET6 : AF_INET);
			assert_int_equal(s.counter_max, 0x0102030405060708);
			assert_int_equal(s.size_outer, 64 + (six ? 80 : 60));
		}
	}
	assert_int_equal(sessions_n(h), 4);
	/* One that roams is another: by address, or by port. */
	frame_wg(&f, &(struct ip){ .remote = 9 }, &(struct wg){ .index = 0x01020304u });
	run(h, UND_RX, &f);
	frame_wg(&f, &in, &(struct wg){ .index = 0x01020304u, .remote_port = 4501 });
	run(h, UND_RX, &f);
	frame_wg(&f, &in, &(struct wg){ .index = 0x01020305u });
	run(h, UND_RX, &f);
	assert_int_equal(sessions_n(h), 7);
}

/* Keep-alives and acknowledgements: up to 128 inner bytes, for either family. */
static void test_small(void **state)
{
	struct harness *h = *state;

	for (int six = 0; six < 2; six++) {
		static const size_t inners[] = { 0, 64, 128, 129, 1400 };

		harness_reset(state);
		for (uint64_t i = 0; i < 5; i++) {
			frame_wg(&f, &(struct ip){ .family = six ? AF_INET6 : AF_INET },
				 &(struct wg){ .index = INDEX, .counter = i, .inner = inners[i] });
			run(h, UND_RX, &f);
		}
		assert_int_equal(session(h).small, 3);
		assert_int_equal(session(h).received, 5);
	}
}

static void test_largest_of_a_tick(void **state)
{
	static const size_t inners[] = { 100, 900, 300 };
	struct harness *h = *state;

	for (uint64_t i = 0; i < 3; i++) {
		frame_wg(&f, &in, &(struct wg){ .index = INDEX, .counter = i, .inner = inners[i] });
		run(h, UND_RX, &f);
	}
	assert_int_equal(session(h).size_outer, 960);
	h->config->now_ms += 250;
	receive(h, 3);
	assert_int_equal(session(h).size_outer, 1060);
	h->config->now_ms += 250;
	frame_wg(&f, &in, &(struct wg){ .index = INDEX, .counter = 4, .inner = 16 });
	run(h, UND_RX, &f);
	assert_int_equal(session(h).size_outer, 76);
	assert_int_equal(session(h).size_ms, NOW + 500);
}

/* More peers than the table holds: it keeps the recent ones, and no packet goes without its session. */
static void test_many(void **state)
{
	struct harness *h = *state;
	struct wire_session_key key;
	struct wire_session s;

	for (uint32_t i = 0; i < 2 * WIRE_SESSIONS; i++) {
		frame_wg(&f, &in, &(struct wg){ .index = i, .counter = i });
		run(h, UND_RX, &f);
	}
	assert_true(sessions_n(h) <= WIRE_SESSIONS);
	assert_true(sessions_n(h) > WIRE_SESSIONS / 2);
	assert_true(session_find(h, WIRE_RX, 2 * WIRE_SESSIONS - 1, &key, &s));
	assert_int_equal(s.received, 1);
	assert_int_equal(loss(h, WIRE_LOSS_SESSION_FULL), 0);
}

/* What is inside one tunnel may be another one's outer packet. */
static void test_tunnel_in_tunnel(void **state)
{
	struct harness *h = *state;

	for (uint64_t counter = 1; counter < 5; counter += counter) {
		frame_wg(&f, &in, &(struct wg){ .index = INDEX, .counter = counter, .inner = 1000 });
		run(h, TUN_RX, &f);
	}
	assert_int_equal(lost(h), 1);
	assert_int_equal(session(h).ifindex, h->ifindex[TUN_RX]);
	assert_int_equal(session(h).size_outer, 1060);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_in_order),	   bpf_test(test_gaps),		  bpf_test(test_reordered),
		bpf_test(test_edge_of_the_window), bpf_test(test_duplicates),	  bpf_test(test_jump_too_far),
		bpf_test(test_first_is_false),	   bpf_test(test_jump_confirmed), bpf_test(test_jump_refuted),
		bpf_test(test_jump_back),	   bpf_test(test_last_counters),  bpf_test(test_not_wireguard),
		bpf_test(test_handshakes),	   bpf_test(test_keys),		  bpf_test(test_small),
		bpf_test(test_largest_of_a_tick),  bpf_test(test_many),		  bpf_test(test_tunnel_in_tunnel),
	};

	return cmocka_run_group_tests_name("session", tests, harness_open, harness_close);
}
