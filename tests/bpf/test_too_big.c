// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Too-big messages as they pass: which are some, about whom, from whom; and the table of tallies when
 * it is full.
 */
#include "harness.h"

#include <string.h>

#define HOP_MTU 1400

static struct frame f, quote;

static uint8_t family;

/* Runs the rest of a test for both families. */
#define for_each_family(state)                                                                                         \
	for (int six = 0; six < 2 && (family = six ? AF_INET6 : AF_INET, !harness_reset(state)); six++)

/* A message from host `router`, told to host `told` on the other side, quoting so many bytes of `quote`. */
static void message(bool tx, uint32_t mtu, size_t quote_len)
{
	const struct ip ip = { .family = family, .tx = tx, .local = 40, .remote = 50 };

	frame_icmp(&f, &ip, family == AF_INET6 ? 2 : 3, family == AF_INET6 ? 0 : 4, mtu, &quote, quote_len);
}

/* The packet that was too big: it went where the message comes from. */
static void quote_udp(bool tx, uint16_t local_port, uint16_t remote_port)
{
	frame_udp(&quote, &(struct ip){ .family = family, .tx = tx, .local = 41, .remote = 51 }, local_port,
		  remote_port, 100);
}

static void expect_address(const uint8_t address[16], bool local, uint8_t host)
{
	uint8_t expected[16];

	host_address(expected, family, local, host);
	assert_memory_equal(address, expected, 16);
}

static void expect_received(struct harness *h, bool tunnel, uint16_t port)
{
	struct wire_tally_key key;
	struct wire_tally t;

	assert_int_equal(tallies_n(h), 1);
	assert_true(tally_find(h, WIRE_TALLY_TOO_BIG_RX, -1, &key, &t));
	assert_int_equal(key.aux, HOP_MTU);
	assert_int_equal(key.family, family);
	assert_int_equal(key.tunnel, tunnel);
	assert_int_equal(key.ifindex, h->ifindex[tunnel ? TUN_RX : UND_RX]);
	assert_int_equal(key.port, port);
	expect_address(key.remote, false, 51);
	expect_address(key.reporter, false, 50);
	assert_int_equal(t.first_ms, NOW);
	assert_int_equal(t.count, 1);
}

static void test_received_in_tunnel(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		quote_udp(true, 1000, 2000);
		message(false, HOP_MTU, quote.len - quote.l3);
		run(h, TUN_RX, &f);
		expect_received(h, true, 2000);
		run(h, TUN_RX, &f);
		assert_int_equal(tallies_n(h), 1);
		harness_reset(state);
		frame_tcp(&quote, &(struct ip){ .family = family, .tx = true, .local = 41, .remote = 51, .options = 8 },
			  &(struct segment){ .flags = TCP_ACK, .payload = 1400 });
		message(false, HOP_MTU, quote.l4 - quote.l3 + 8);
		run(h, TUN_RX, &f);
		expect_received(h, true, 443);
		assert_int_equal(flows_n(h), 0);
	}
}

/* On the underlay only what WireGuard's own datagrams have caused matters. */
static void test_received_on_underlay(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		quote_udp(true, 1000, WG_PORT);
		message(false, HOP_MTU, 60);
		run(h, UND_RX, &f);
		frame_tcp(&quote, &(struct ip){ .family = family, .tx = true },
			  &(struct segment){ .local_port = WG_PORT });
		message(false, HOP_MTU, 60);
		run(h, UND_RX, &f);
		assert_int_equal(tallies_n(h), 0);
		quote_udp(true, WG_PORT, 4500);
		message(false, HOP_MTU, 60);
		run(h, UND_RX, &f);
		expect_received(h, false, 4500);
	}
}

/* One that leaves is about the host told, and where that host had wanted to. */
static void test_sent(void **state)
{
	static const enum program programs[] = { TUN_TX, UND_TX, LAN_TX };
	struct harness *h = *state;

	for_each_family(state)
	{
		quote_udp(false, 1000, 2000);
		for (size_t i = 0; i < 3; i++) {
			struct wire_tally_key key;
			struct wire_tally t;

			harness_reset(state);
			message(true, HOP_MTU, 60);
			run(h, programs[i], &f);
			assert_int_equal(tallies_n(h), 1);
			assert_true(tally_find(h, WIRE_TALLY_TOO_BIG_TX, HOP_MTU, &key, &t));
			assert_int_equal(key.tunnel, programs[i] == TUN_TX);
			assert_int_equal(key.ifindex, h->ifindex[programs[i]]);
			assert_int_equal(key.port, 0);
			expect_address(key.remote, false, 50);
			expect_address(key.reporter, true, 41);
		}
	}
}

/* "Fragmentation needed" is code 4 of type 3, and code 1 of type 11 is a reassembly that took too long. */
static void test_other_messages(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		const struct ip ip = { .family = family };

		quote_udp(true, WG_PORT, 2000);
		for (unsigned type = 0; type < 256; type++) {
			for (uint8_t code = 0; code < 6; code++) {
				if (family == AF_INET6 ? type == 2 : type == 3 && code == 4)
					continue;
				frame_icmp(&f, &ip, type, code, HOP_MTU, &quote, 60);
				run(h, TUN_RX, &f);
				run(h, UND_RX, &f);
				run(h, LAN_TX, &f);
			}
		}
		assert_int_equal(tallies_n(h), 0);
		assert_int_equal(loss(h, WIRE_LOSS_UNPARSED), 0);
	}
}

static void test_mtu(void **state)
{
	static const struct {
		uint32_t info;
		uint16_t v4, v6;
	} mtus[] = {
		{ 0, 0, 0 },
		{ 552, 552, 552 },
		{ 0xffff, 0xffff, 0xffff },
		{ 0x00010000, 0, 0xffff }, /* IPv4: the upper half is something else (RFC 4884) */
		{ 0x00100578, 1400, 0xffff },
		{ 0xffffffff, 0xffff, 0xffff },
	};
	struct harness *h = *state;

	for_each_family(state)
	{
		for (size_t i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++) {
			struct wire_tally_key key;
			struct wire_tally t;

			harness_reset(state);
			quote_udp(true, 1000, 2000);
			message(false, mtus[i].info, 60);
			run(h, TUN_RX, &f);
			assert_true(tally_find(h, WIRE_TALLY_TOO_BIG_RX, -1, &key, &t));
			assert_int_equal(key.aux, family == AF_INET6 ? mtus[i].v6 : mtus[i].v4);
		}
	}
}

/* Without the addresses it is about nobody, without the ports it is about a host. */
static void test_cut_quote(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		size_t addresses = family == AF_INET6 ? 40 : 20, cut = 0;

		quote_udp(true, WG_PORT, 2000);
		for (size_t len = 0; len < addresses; len++) {
			message(false, HOP_MTU, len);
			run(h, TUN_RX, &f);
			run(h, UND_RX, &f);
			cut += 2;
		}
		assert_int_equal(tallies_n(h), 0);
		assert_int_equal(loss(h, WIRE_LOSS_UNPARSED), cut);
		message(false, HOP_MTU, addresses + 3);
		run(h, TUN_RX, &f);
		expect_received(h, true, 0);
		/* On an underlay it cannot be told from others'. */
		message(false, HOP_MTU, addresses + 3);
		run(h, UND_RX, &f);
		assert_int_equal(tallies_n(h), 1);
	}
}

/* A quoted header of other lengths and protocols: the ports are where it says, or nowhere. */
static void test_quoted_header(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		frame_echo(&quote, &(struct ip){ .family = family, .tx = true, .local = 41, .remote = 51 }, true, 1, 1,
			   100);
		put16(quote.bytes + quote.l4 + 2, 0xabcd); /* its checksum, where others have a port */
		message(false, HOP_MTU, 80);
		run(h, TUN_RX, &f);
		expect_received(h, true, 0);
	}
	harness_reset(state);
	family = AF_INET;
	frame_udp(&quote, &(struct ip){ .tx = true, .local = 41, .remote = 51, .options = 40 }, 1000, 2000, 100);
	message(false, HOP_MTU, 80);
	run(h, TUN_RX, &f);
	expect_received(h, true, 2000);
}

/* When the table is full what is known is counted on, and what is new is counted as lost. */
static void test_full(void **state)
{
	struct wire_tally_key key;
	struct harness *h = *state;
	struct wire_tally t;

	family = AF_INET;
	quote_udp(true, 1000, 2000);
	for (uint32_t mtu = 0; mtu < WIRE_TALLIES + 100; mtu++) {
		message(false, mtu, 60);
		run(h, TUN_RX, &f);
	}
	assert_int_equal(tallies_n(h), WIRE_TALLIES);
	assert_int_equal(loss(h, WIRE_LOSS_TALLY_FULL), 100);
	message(false, 17, 60);
	run(h, TUN_RX, &f);
	assert_true(tally_find(h, WIRE_TALLY_TOO_BIG_RX, 17, &key, &t));
	assert_int_equal(t.count, 2);
	assert_int_equal(loss(h, WIRE_LOSS_TALLY_FULL), 100);
}

static void test_times(void **state)
{
	struct wire_tally_key key;
	struct harness *h = *state;
	struct wire_tally t;

	for_each_family(state)
	{
		quote_udp(true, 1000, 2000);
		message(false, HOP_MTU, 60);
		for (int i = 0; i < 4; i++) {
			run(h, TUN_RX, &f);
			h->config->now_ms += 1000;
		}
		assert_true(tally_find(h, WIRE_TALLY_TOO_BIG_RX, HOP_MTU, &key, &t));
		assert_int_equal(t.count, 4);
		assert_int_equal(t.first_ms, NOW);
		assert_int_equal(t.last_ms, NOW + 3000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_received_in_tunnel),
		bpf_test(test_received_on_underlay),
		bpf_test(test_sent),
		bpf_test(test_other_messages),
		bpf_test(test_mtu),
		bpf_test(test_cut_quote),
		bpf_test(test_quoted_header),
		bpf_test(test_full),
		bpf_test(test_times),
	};

	return cmocka_run_group_tests_name("too big", tests, harness_open, harness_close);
}
