// SPDX-License-Identifier: GPL-2.0-or-later
/* Fragments on an underlay: whose they are tells the first of a packet, which has the ports, for all the others. */
#include "harness.h"

#include <string.h>

#define PEER_PORT 4500

static struct frame f;

static uint8_t family;

/* Runs the rest of a test for both families. */
#define for_each_family(state)                                                                                         \
	for (int six = 0; six < 2 && (family = six ? AF_INET6 : AF_INET, !harness_reset(state)); six++)

enum piece { FIRST, MIDDLE, LAST, ALL };

/* A fragment of the UDP packet `id`; in later ones there is whatever the payload holds where a header has its ports. */
static void fragment(struct harness *h, bool tx, uint16_t id, enum piece piece, uint16_t local_port,
		     uint16_t remote_port)
{
	const struct ip ip = {
		.family = family, .tx = tx, .remote = 9, .id = id, .more = piece != LAST, .offset = piece * 1480
	};

	frame_udp(&f, &ip, piece == FIRST ? local_port : 1000, piece == FIRST ? remote_port : 2000, 1480 - 8);
	run(h, tx ? UND_TX : UND_RX, &f);
}

static void packet(struct harness *h, bool tx, uint16_t id, uint16_t local_port, uint16_t remote_port)
{
	for (enum piece piece = FIRST; piece <= LAST; piece++)
		fragment(h, tx, id, piece, local_port, remote_port);
}

/* So many came, or went, of that piece with that port of the remote side; of another port none did. */
static void expect(struct harness *h, bool tx, enum piece piece, uint16_t port, uint64_t count)
{
	struct wire_tally_key key;
	uint8_t remote[16];
	struct wire_tally t;

	assert_true(tally_find(h, tx ? WIRE_TALLY_FRAGMENT_TX : WIRE_TALLY_FRAGMENT_RX, piece, &key, &t));
	host_address(remote, family, false, 9);
	assert_memory_equal(key.remote, remote, 16);
	assert_int_equal(key.family, family);
	assert_int_equal(key.ifindex, h->ifindex[tx ? UND_TX : UND_RX]);
	assert_int_equal(key.port, port);
	assert_int_equal(t.count, count);
	assert_int_equal(t.first_ms, NOW);
}

static void test_of_a_peer(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		for (uint16_t id = 0; id < 3; id++)
			for (int tx = 0; tx < 2; tx++)
				packet(h, tx, id, WG_PORT, PEER_PORT);
		assert_int_equal(tallies_n(h), 8);
		for (enum piece piece = FIRST; piece <= ALL; piece++)
			for (int tx = 0; tx < 2; tx++)
				expect(h, tx, piece, PEER_PORT, 3);
	}
}

/* Another service of the same two hosts, and what is no UDP: none of WireGuard's. */
static void test_of_others(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		const struct ip first = { .family = family, .remote = 9, .id = 7, .more = true };

		packet(h, false, 1, 53, PEER_PORT);
		packet(h, true, 2, 53, PEER_PORT);
		frame_tcp(&f, &first, &(struct segment){ .flags = TCP_ACK, .local_port = WG_PORT });
		run(h, UND_RX, &f);
		assert_int_equal(tallies_n(h), 0);
	}
}

/* Their packets are under way together, and each has a number of its own. */
static void test_side_by_side(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		for (enum piece piece = FIRST; piece <= LAST; piece++) {
			fragment(h, false, 1, piece, 53, PEER_PORT);
			fragment(h, false, 2, piece, WG_PORT, PEER_PORT);
			fragment(h, false, 3, piece, 53, PEER_PORT);
		}
		assert_int_equal(tallies_n(h), 4);
		for (enum piece piece = FIRST; piece <= ALL; piece++)
			expect(h, false, piece, PEER_PORT, 1);
	}
}

/* Two peers behind one address. */
static void test_of_two_peers(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		fragment(h, false, 1, FIRST, WG_PORT, PEER_PORT);
		fragment(h, false, 2, FIRST, WG_PORT, PEER_PORT + 1);
		fragment(h, false, 2, LAST, WG_PORT, PEER_PORT + 1);
		assert_int_equal(tallies_n(h), 3);
		expect(h, false, LAST, PEER_PORT + 1, 1);
	}
}

/* Of a packet whose first fragment did not come nobody knows whose it was. */
static void test_first_missing(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		packet(h, false, 1, WG_PORT, PEER_PORT);
		harness_reset(state);
		fragment(h, false, 1, FIRST, 53, PEER_PORT);
		fragment(h, false, 2, LAST, 0, 0);
		assert_int_equal(tallies_n(h), 1);
		expect(h, false, LAST, 0, 1);
	}
}

/* The number comes round again: whose the packet is tells its own first fragment. */
static void test_number_again(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		packet(h, false, 1, 53, PEER_PORT);
		packet(h, false, 1, WG_PORT, PEER_PORT);
		packet(h, false, 1, 53, PEER_PORT);
		for (enum piece piece = FIRST; piece <= ALL; piece++)
			expect(h, false, piece, PEER_PORT, 1);
	}
}

/* Whether all of a packet has come, in whatever order; a piece that is missing, or comes twice, is not all. */
static void test_all_of_a_packet(void **state)
{
	static const struct {
		enum piece pieces[3];
		uint64_t all;
	} orders[] = {
		{ { FIRST, MIDDLE, LAST }, 1 },	  { { FIRST, LAST, MIDDLE }, 1 }, { { FIRST, LAST, LAST }, 0 },
		{ { FIRST, MIDDLE, MIDDLE }, 0 }, { { MIDDLE, FIRST, LAST }, 1 }, { { FIRST, FIRST, LAST }, 0 },
		{ { LAST, MIDDLE, FIRST }, 1 },
	};
	struct harness *h = *state;

	for_each_family(state)
	{
		for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
			struct wire_tally_key key;
			struct wire_tally t;

			harness_reset(state);
			for (int j = 0; j < 3; j++)
				fragment(h, false, 1, orders[i].pieces[j], WG_PORT, PEER_PORT);
			assert_int_equal(tally_find(h, WIRE_TALLY_FRAGMENT_RX, ALL, &key, &t), orders[i].all);
		}
	}
}

/* Where nobody sees whether it becomes a packet, that all of it has come says nothing. */
static void test_reassembly_not_seen(void **state)
{
	struct harness *h = *state;
	struct wire_tally_key key;
	struct wire_tally t;

	for_each_family(state)
	{
		h->config->sees_reassembled = 0;
		packet(h, false, 1, WG_PORT, PEER_PORT);
		assert_false(tally_find(h, WIRE_TALLY_FRAGMENT_RX, ALL, &key, &t));
		assert_true(tally_find(h, WIRE_TALLY_FRAGMENT_RX, LAST, &key, &t));
	}
}

static void test_sizes(void **state)
{
	static const size_t lens[] = { 500, 300, 900 };
	struct wire_tally_key key;
	struct wire_tally t;

	for (size_t i = 0; i < 3; i++) {
		frame_udp(&f, &(struct ip){ .more = true }, WG_PORT, PEER_PORT, lens[i] - 28);
		run(*state, UND_RX, &f);
	}
	assert_true(tally_find(*state, WIRE_TALLY_FRAGMENT_RX, 0, &key, &t));
	assert_int_equal(t.count, 3);
	assert_int_equal(t.size_min, 300);
	assert_int_equal(t.size_max, 900);
}

/* A data message that comes in two fragments; the first one has the counter. */
static void message(struct harness *h, uint16_t id, uint64_t counter, enum piece piece, bool tx)
{
	struct ip ip = { .family = family, .tx = tx, .remote = 9, .id = id, .more = true };

	if (piece == FIRST) {
		frame_wg(&f, &ip,
			 &(struct wg){ .index = 7, .counter = counter, .remote_port = PEER_PORT, .inner = 1480 - 40 });
	} else {
		ip.more = false;
		ip.offset = 1480;
		frame_udp(&f, &ip, 1000, 2000, 100 - 8);
	}
	run(h, tx ? UND_TX : UND_RX, &f);
}

static struct wire_session session(struct harness *h, bool tx)
{
	struct wire_session_key key;
	struct wire_session s;

	assert_true(session_find(h, tx ? WIRE_TX : WIRE_RX, 7, &key, &s));
	assert_int_equal(key.remote_port, PEER_PORT);
	assert_int_equal(key.local_port, WG_PORT);
	assert_int_equal(key.family, family);
	return s;
}

/* A message has come when all of it has, in whatever order: half of one is lost. One that goes has gone with its beginning. */
static void test_message(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		message(h, 1, 10, FIRST, false);
		assert_int_equal(sessions_n(h), 0);
		message(h, 1, 10, LAST, false);
		assert_int_equal(session(h, false).counter_first, 10);
		assert_int_equal(session(h, false).size_outer, (six ? 40 : 20) + 1580);
		message(h, 2, 11, FIRST, false);
		message(h, 3, 12, LAST, false);
		message(h, 3, 12, FIRST, false);
		assert_int_equal(session(h, false).counter_max, 12);
		assert_int_equal(session(h, false).received, 2);
		assert_int_equal(session(h, false).bytes, 2 * ((six ? 40 : 20) + 1580));
		message(h, 2, 11, LAST, false);
		assert_int_equal(session(h, false).received, 3);
		message(h, 4, 20, FIRST, true);
		assert_int_equal(session(h, true).received, 1);
		message(h, 4, 20, LAST, true);
		assert_int_equal(session(h, true).received, 1);
	}
}

/* The number comes round before the rest of the message has come, or long after: what comes is of the new one. */
static void test_message_cut_off(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		message(h, 1, 10, FIRST, false);
		message(h, 1, 11, FIRST, false);
		message(h, 1, 11, LAST, false);
		assert_int_equal(session(h, false).counter_first, 11);
		message(h, 2, 12, LAST, false);
		h->config->now_ms += 60000;
		message(h, 2, 13, FIRST, false);
		assert_int_equal(session(h, false).counter_max, 11);
		message(h, 2, 13, LAST, false);
		assert_int_equal(session(h, false).counter_max, 13);
		message(h, 2, 14, LAST, false);
		message(h, 2, 14, FIRST, false);
		assert_int_equal(session(h, false).received, 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_of_a_peer),	bpf_test(test_of_others),	    bpf_test(test_side_by_side),
		bpf_test(test_of_two_peers),	bpf_test(test_first_missing),	    bpf_test(test_number_again),
		bpf_test(test_all_of_a_packet), bpf_test(test_reassembly_not_seen), bpf_test(test_sizes),
		bpf_test(test_message),		bpf_test(test_message_cut_off),
	};

	return cmocka_run_group_tests_name("fragments", tests, harness_open, harness_close);
}
