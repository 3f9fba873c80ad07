// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Too-big messages on a tunnel about connections that pass there: what came out of it is noted of the flow, of what goes into it
 * one connection of the host told is followed; and which messages are about nothing that is under way.
 */
#include "harness.h"

#include <string.h>

#define ISN	1000000u
#define HOP_MTU 1400
#define FULL	1380 /* payload: with headers 1420 or 1440 */

static struct frame f, quote;
static uint8_t family;

#define for_each_family(state)                                                                                         \
	for (int six = 0; six < 2 && (family = six ? AF_INET6 : AF_INET, !harness_reset(state)); six++)

static const struct ip *ip(bool tx)
{
	static struct ip made;

	made = (struct ip){ .family = family, .tx = tx, .local = 41, .remote = 51 };
	return &made;
}

static void data(struct harness *h, bool tx, uint32_t seq, size_t payload)
{
	frame_tcp(&f, ip(tx), &(struct segment){ .seq = seq, .ack = 1, .flags = TCP_ACK, .payload = payload });
	run(h, tx ? TUN_TX : TUN_RX, &f);
}

/* A message about what went that way, from a router there to the sender, quoting it up to its sequence number. */
static void message(struct harness *h, bool tx, uint32_t mtu)
{
	frame_icmp(&f, &(struct ip){ .family = family, .tx = !tx, .local = 40, .remote = 50 },
		   family == AF_INET6 ? 2 : 3, family == AF_INET6 ? 0 : 4, mtu, &quote, quote.l4 - quote.l3 + 8);
	run(h, tx ? TUN_RX : TUN_TX, &f);
}

static void message_about(struct harness *h, bool tx, uint32_t seq, uint32_t mtu)
{
	frame_tcp(&quote, ip(tx), &(struct segment){ .seq = seq, .ack = 1, .flags = TCP_ACK, .payload = FULL });
	message(h, tx, mtu);
}

/* Each try is answered once, however many messages a window makes. */
static void test_each_try(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		data(h, true, ISN, FULL);
		data(h, true, ISN + FULL, FULL);
		message_about(h, true, ISN, HOP_MTU);
		message_about(h, true, ISN + FULL, HOP_MTU);
		assert_int_equal(flow_only(h)->told, 1);
		assert_int_equal(flow_only(h)->told_mtu, HOP_MTU);
		data(h, true, ISN, FULL);
		assert_int_equal(flow_only(h)->told, 1);
		message_about(h, true, ISN, HOP_MTU);
		assert_int_equal(flow_only(h)->told, 2);
		assert_int_equal(flow_only(h)->trial_tries, 2);
	}
}

static void test_about_nothing_under_way(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		data(h, true, ISN, FULL);
		message_about(h, true, ISN - 1, HOP_MTU);
		message_about(h, true, ISN + FULL, HOP_MTU);
		message_about(h, true, ISN, FULL + 60);
		message_about(h, true, ISN, family == AF_INET6 ? 1279 : 551);
		assert_int_equal(flow_only(h)->told, 0);
		assert_int_equal(flow_only(h)->told_mtu, 0);
		frame_tcp(&f, ip(false), &(struct segment){ .seq = 1, .ack = ISN + FULL, .flags = TCP_ACK });
		run(h, TUN_RX, &f);
		message_about(h, true, ISN, HOP_MTU);
		assert_int_equal(flow_only(h)->told, 0);
		assert_int_equal(flows_n(h), 1);
	}
}

/* A size that is given up because somebody said so was not lost without a word. */
static void test_heeded(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		data(h, true, ISN, FULL);
		data(h, true, ISN, FULL);
		data(h, true, ISN, FULL);
		message_about(h, true, ISN, HOP_MTU);
		data(h, true, ISN, FULL - 100);
		assert_int_equal(flow_only(h)->told, 0);
		assert_int_equal(flow_only(h)->told_mtu, HOP_MTU);
		assert_int_equal(flow_only(h)->tx_lost_ms, 0);
		assert_int_equal(flow_only(h)->trial_tries, 1);
	}
}

/* The next segment's tries are not answered yet. */
static void test_delivered_after_all(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		data(h, true, ISN, FULL);
		data(h, true, ISN, FULL);
		message_about(h, true, ISN, HOP_MTU);
		frame_tcp(&f, ip(false), &(struct segment){ .seq = 1, .ack = ISN + FULL, .flags = TCP_ACK });
		run(h, TUN_RX, &f);
		data(h, true, ISN + FULL, FULL);
		assert_int_equal(flow_only(h)->told, 0);
	}
}

static void echo(struct harness *h, uint16_t sequence)
{
	frame_echo(&quote, ip(true), true, 77, sequence, FULL);
	run(h, TUN_TX, &quote);
}

static void test_echo(void **state)
{
	struct harness *h = *state;

	for_each_family(state)
	{
		for (uint16_t sequence = 0xfffe; sequence != 2; sequence++) {
			echo(h, sequence);
			message(h, true, HOP_MTU);
		}
		assert_int_equal(flow_only(h)->trial_tries, 4);
		assert_int_equal(flow_only(h)->told, 4);
		echo(h, 2);
		frame_echo(&quote, ip(true), true, 77, 3, FULL);
		message(h, true, HOP_MTU);
		frame_echo(&quote, ip(true), true, 78, 2, FULL);
		message(h, true, HOP_MTU);
		assert_int_equal(flow_only(h)->told, 4);
	}
}

static void into_tunnel(struct harness *h, struct wire_tally *t)
{
	struct wire_tally_key key;

	assert_true(tally_find(h, WIRE_TALLY_TOO_BIG_TX, HOP_MTU, &key, t));
}

/* The remote host is told by messages that go into the tunnel: of what came from there, and only if that was so large. */
static void test_remote_host(void **state)
{
	struct harness *h = *state;
	struct wire_tally t;

	for_each_family(state)
	{
		data(h, false, ISN, HOP_MTU - 200);
		message_about(h, false, ISN, HOP_MTU);
		into_tunnel(h, &t);
		assert_int_equal(t.count, 1);
		assert_int_equal(t.told_ticks, 0);
		message_about(h, false, ISN + 10 * FULL, HOP_MTU);
		for (int i = 0; i < 4; i++) {
			h->config->now_ms += 1000;
			data(h, false, ISN + HOP_MTU - 200, FULL);
			message_about(h, false, ISN + HOP_MTU - 200, HOP_MTU);
		}
		into_tunnel(h, &t);
		assert_int_equal(t.count, 6);
		assert_int_equal(t.told_ticks, 4);
		assert_int_equal(t.told_protocol, IPPROTO_TCP);
		assert_int_equal(t.told_connection, 443U << 16 | 40000);
		assert_int_equal(t.told_first_ms, NOW + 1000);
		assert_int_equal(t.told_last_ms, NOW + 4000);
		assert_int_equal(flow_only(h)->told, 0);
	}
}

/* On a LAN nothing passes that messages could be compared with. */
static void test_on_a_lan(void **state)
{
	struct harness *h = *state;
	struct wire_tally t;

	for_each_family(state)
	{
		data(h, true, ISN, FULL);
		message_about(h, true, ISN, HOP_MTU);
		run(h, LAN_TX, &f);
		into_tunnel(h, &t);
		assert_int_equal(t.told_ticks, 0);
		assert_int_equal(flow_only(h)->told, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_each_try), bpf_test(test_about_nothing_under_way),
		bpf_test(test_heeded),	 bpf_test(test_delivered_after_all),
		bpf_test(test_echo),	 bpf_test(test_remote_host),
		bpf_test(test_on_a_lan),
	};

	return cmocka_run_group_tests_name("told", tests, harness_open, harness_close);
}
