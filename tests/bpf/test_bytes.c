// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes: random ones, and packets with random bytes, lengths and super-packet sizes changed in them. run_any()
 * sees to it that the verdict is "next" and the packet unchanged; what is checked here is that the maps stay sane
 * and every packet is counted. BYTES_SEED in the environment repeats a run, BYTES_RUNS makes a longer one.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS 100000

static uint64_t state_word;

static uint32_t random_word(void)
{
	state_word = state_word * 6364136223846793005u + 1442695040888963407u;
	return state_word >> 33;
}

static uint32_t below(uint32_t n)
{
	return random_word() % n;
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static struct ip any_ip(void)
{
	static const uint8_t types[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS };
	struct ip ip = {
		.family = below(2) ? AF_INET6 : AF_INET, .tx = below(2), .local = 1 + below(4), .remote = 1 + below(4)
	};

	if (!below(4))
		ip.tags[0] = 0x8100;
	if (!below(4))
		ip.options = 4 * below(11);
	ip.extensions_n = below(4) ? 0 : below(sizeof(ip.extensions));
	for (size_t i = 0; i < ip.extensions_n; i++)
		ip.extensions[i] = types[below(3)];
	if (!below(8)) {
		ip.more = below(2);
		ip.offset = 8 * below(3);
	}
	return ip;
}

/* A packet of each kind that the programs look into. */
static void any_packet(struct frame *f)
{
	static struct frame quote;
	struct ip ip = any_ip(), back = any_ip();

	back.family = ip.family;
	switch (below(5)) {
	case 0:
		frame_tcp(f, &ip,
			  &(struct segment){ .local_port = 1 + below(3),
					     .remote_port = 1 + below(3),
					     .seq = below(20000),
					     .ack = below(20000),
					     .flags = random_word(),
					     .mss = below(2) * 1460,
					     .payload = below(1400) });
		break;
	case 1:
		frame_echo(f, &ip, below(2), below(3), below(100), below(1400));
		break;
	case 2:
		frame_udp(&quote, &back, below(2) ? WG_PORT : below(9), below(9), 64);
		frame_icmp(f, &ip, ip.family == AF_INET6 ? 2 : 3, 4, below(2000), &quote, below(quote.len - quote.l3));
		break;
	default:
		frame_wg(
			f, &ip,
			&(struct wg){
				.type = 1 + below(4), .index = below(4), .counter = below(300), .inner = below(1400) });
	}
}

static void spoil(struct frame *f)
{
	size_t headers = f->len < 120 ? f->len : 120;

	for (uint32_t n = below(4); n; n--)
		f->bytes[below(headers)] = random_word();
	if (!below(3))
		f->bytes[f->l3 + below(8)] ^= 1 << below(8);
	if (!below(8))
		f->len = ETHERNET_LEN + below(f->len - ETHERNET_LEN + 1);
	if (!below(8))
		f->gso_size = 1 + below(below(2) ? 1500 : 65535);
}

static void only_bytes(struct frame *f)
{
	f->gso_size = 0;
	f->len = ETHERNET_LEN + below(200);
	for (size_t i = 0; i < f->len; i++)
		f->bytes[i] = random_word();
	if (below(4))
		put16(f->bytes + 12, below(2) ? 0x0800 : 0x86dd);
	if (below(2) && f->len > ETHERNET_LEN)
		f->bytes[ETHERNET_LEN] = f->bytes[13] == 0xdd ? 0x60 | below(16) : 0x45 + below(11);
}

static void check_flows(struct harness *h)
{
	for (size_t i = 0; i < WIRE_FLOWS; i++) {
		const struct wire_flow *f = &h->flows[i];

		if (!f->tag)
			continue;
		assert_true(f->family == AF_INET || f->family == AF_INET6);
		assert_true(f->protocol == IPPROTO_TCP || f->protocol == IPPROTO_ICMP || f->protocol == IPPROTO_ICMPV6);
		assert_int_equal(f->ifindex, h->ifindex[TUN_TX]);
		assert_int_equal(f->first_ms, NOW);
		assert_true(f->tx_retried <= f->tx_delivered);
		assert_true(!f->trial_last_ms == !f->trial_tries);
		if (f->protocol == IPPROTO_TCP && (f->flags & WIRE_FLOW_TX_KNOWN))
			assert_true((int32_t)(f->tx_end - f->tx_acked) >= 0);
		if (f->protocol == IPPROTO_TCP && (f->flags & WIRE_FLOW_RX_KNOWN))
			assert_true((int32_t)(f->rx_end - f->rx_next) >= 0);
		if (f->hole_ms)
			assert_true((int32_t)(f->hole_end - f->rx_next) > 0);
	}
}

static void test_any_bytes(void **state)
{
	uint64_t seed = from_environment("BYTES_SEED", time(NULL)), runs = from_environment("BYTES_RUNS", RUNS);
	uint64_t made[PROGRAMS] = { 0 }, refused = 0, unparsed = 0;
	struct harness *h = *state;
	static struct frame f;

	printf("# seed %llu, %llu packets\n", (unsigned long long)seed, (unsigned long long)runs);
	state_word = seed;
	for (uint64_t i = 0; i < runs; i++) {
		enum program program = below(PROGRAMS);

		if (below(8)) {
			any_packet(&f);
			spoil(&f);
		} else {
			only_bytes(&f);
		}
		if (run_any(h, program, &f))
			made[program]++;
		else
			refused++;
	}
	printf("# %llu refused by the kernel\n", (unsigned long long)refused);
	assert_true(refused < runs / 4);
	for (enum program p = 0; p < PROGRAMS; p++) {
		struct wire_counters c;
		uint64_t sized = 0;

		counters_read(h, p, &c);
		for (size_t i = 0; i < WIRE_SIZE_SLOTS; i++)
			sized += c.sizes[i];
		unparsed += c.unparsed;
		/* On a LAN most packets are none that are looked at, and not counted. */
		assert_true(c.packets > (p == LAN_TX ? 0 : made[p] / 4));
		assert_true(c.unparsed > 0);
		assert_true(c.unparsed < made[p]);
		assert_true(c.oversized <= c.packets);
		assert_true(c.dont_fragment <= c.packets);
		assert_true(c.bytes >= 20 * c.packets);
		/* A tunnel's packets are all sized, an underlay's only WireGuard's, a LAN's none. */
		assert_int_equal(sized, p <= TUN_TX ? c.packets : c.wg_packets);
	}
	assert_true(loss(h, WIRE_LOSS_UNPARSED) >= unparsed);
	assert_true(flows_n(h) > 100);
	assert_true(sessions_n(h) > 0);
	assert_true(tallies_n(h) > 100);
	check_flows(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_any_bytes),
	};

	return cmocka_run_group_tests_name("bytes", tests, harness_open, harness_close);
}
