// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the frame to the transport header: IP options, extension headers, VLAN tags, padding, and lengths that lie.
 * What was found is seen in the flow's ports and header length, what was not in the counts of unparsed packets.
 */
#include "harness.h"

#include <string.h>

#define PAYLOAD 1000

static const uint16_t PORT_LOCAL = 40000, PORT_REMOTE = 443;

static const struct segment data = { .seq = 5000, .ack = 1, .flags = TCP_ACK, .payload = PAYLOAD };

static uint64_t unparsed(struct harness *h, enum program program)
{
	struct wire_counters c;

	counters_read(h, program, &c);
	return c.unparsed;
}

static uint64_t packets(struct harness *h, enum program program)
{
	struct wire_counters c;

	counters_read(h, program, &c);
	return c.packets;
}

/* Sent from here, the segment is found with so many bytes of IP and TCP headers. */
static void expect_flow(struct harness *h, const struct ip *ip, size_t headers)
{
	static struct frame f;
	struct wire_counters c;
	struct wire_flow *flow;

	frame_tcp(&f, ip, &data);
	run(h, TUN_TX, &f);
	counters_read(h, TUN_TX, &c);
	assert_int_equal(c.unparsed, 0);
	assert_int_equal(c.packets, 1);
	assert_int_equal(c.bytes, headers + PAYLOAD);
	assert_int_equal(c.sizes[(headers + PAYLOAD) / 16], 1);
	flow = flow_find(h, PORT_LOCAL, PORT_REMOTE);
	assert_non_null(flow);
	assert_int_equal(flow->headers, headers);
	assert_int_equal(flow->trial_inner, headers + PAYLOAD);
	assert_int_equal(flow->trial_end, data.seq + PAYLOAD);
	assert_int_equal(loss(h, WIRE_LOSS_UNPARSED), 0);
}

static void test_ipv4_options(void **state)
{
	for (size_t options = 0; options <= 40; options += 4) {
		harness_reset(state);
		expect_flow(*state, &(struct ip){ .tx = true, .options = options }, 20 + options + 20);
	}
}

static const uint8_t hop_destination_routing[] = { IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS,
						   IPPROTO_DSTOPTS, IPPROTO_DSTOPTS, IPPROTO_DSTOPTS };

static struct ip with_extensions(size_t n)
{
	struct ip ip = { .family = AF_INET6, .tx = true, .extensions_n = n };

	memcpy(ip.extensions, hop_destination_routing, n);
	return ip;
}

static void test_ipv6_extensions(void **state)
{
	size_t headers = 40 + 20;

	for (size_t n = 0; n <= 6; n++) {
		struct ip ip = with_extensions(n);

		harness_reset(state);
		expect_flow(*state, &ip, headers);
		headers += extension_len(n);
	}
}

static void test_ipv6_too_many_extensions(void **state)
{
	static struct frame f;
	struct ip ip = with_extensions(7);

	frame_tcp(&f, &ip, &data);
	run(*state, TUN_TX, &f);
	assert_int_equal(unparsed(*state, TUN_TX), 1);
	assert_int_equal(loss(*state, WIRE_LOSS_UNPARSED), 1);
	assert_int_equal(packets(*state, TUN_TX), 0);
	assert_int_equal(flows_n(*state), 0);
}

static void test_vlan_tags(void **state)
{
	expect_flow(*state, &(struct ip){ .tx = true, .tags = { 0x8100 } }, 40);
	harness_reset(state);
	expect_flow(*state, &(struct ip){ .tx = true, .tags = { 0x88a8, 0x8100 } }, 40);
	harness_reset(state);
	expect_flow(*state, &(struct ip){ .tx = true, .family = AF_INET6, .tags = { 0x88a8, 0x8100 } }, 60);
}

/* Not IP, or IP behind more tags than anybody uses: nothing is counted, not even as unparsed. */
static void test_other_protocols(void **state)
{
	static const uint16_t types[] = { 0x0806, 0x8847, 0x88cc, 0x0004 };
	static struct frame f;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		frame_tcp(&f, &(struct ip){ .tx = true }, &data);
		put16(f.bytes + 12, types[i]);
		run(*state, TUN_TX, &f);
		run(*state, UND_TX, &f);
	}
	frame_tcp(&f, &(struct ip){ .tx = true, .tags = { 0x88a8, 0x8100, 0x8100 } }, &data);
	run(*state, TUN_TX, &f);
	for (enum program p = 0; p < PROGRAMS; p++)
		assert_int_equal(packets(*state, p) + unparsed(*state, p), 0);
	assert_int_equal(loss(*state, WIRE_LOSS_UNPARSED), 0);
	assert_int_equal(flows_n(*state), 0);
}

/* Ethernet fills short frames up to 60 bytes: that is no part of the packet, and no payload. */
static void test_padding(void **state)
{
	static struct frame f;
	struct wire_counters c;
	struct harness *h = *state;

	for (int v6 = 0; v6 < 2; v6++) {
		const struct ip ip = { .family = v6 ? AF_INET6 : AF_INET, .tx = true };
		size_t len = v6 ? 61 : 41;

		harness_reset(state);
		frame_tcp(&f, &ip, &(struct segment){ .seq = 1, .flags = TCP_ACK, .payload = 1 });
		frame_pad(&f, 50);
		run(h, TUN_TX, &f);
		counters_read(h, TUN_TX, &c);
		assert_int_equal(c.bytes, len);
		assert_int_equal(c.sizes[len / 16], 1);
		assert_int_equal(flow_only(h)->tx_end, 2);
		assert_int_equal(flow_only(h)->trial_inner, len);
	}
	/* A bare acknowledgement is one, although the frame goes on. */
	harness_reset(state);
	frame_tcp(&f, &(struct ip){ .tx = true }, &(struct segment){ .seq = 1, .flags = TCP_ACK });
	frame_pad(&f, 6);
	run(h, TUN_TX, &f);
	assert_int_equal(flows_n(h), 0);
	counters_read(h, TUN_TX, &c);
	assert_int_equal(c.bytes, 40);
}

/* Cut after every byte of its headers. Behind a VLAN tag the kernel makes a packet of any length. */
static void cut_everywhere(struct harness *h, uint8_t family, uint8_t protocol, size_t transport_len)
{
	const struct ip ip = { .family = family, .tx = true, .tags = { 0x8100 }, .options = 8 };
	static struct frame f;
	uint64_t unread = 0, read = 0, lost = loss(h, WIRE_LOSS_UNPARSED);
	uint64_t unparsed_before = unparsed(h, TUN_TX), packets_before = packets(h, TUN_TX);

	if (protocol == IPPROTO_TCP)
		frame_tcp(&f, &ip, &data);
	else
		frame_echo(&f, &ip, true, 1, 1, PAYLOAD);
	for (size_t len = ETHERNET_LEN; len < f.l4 + transport_len; len++) {
		size_t full = f.len;

		f.len = len;
		run(h, TUN_TX, &f);
		f.len = full;
		if (len < f.l4)
			unread++;
		else
			read++;
	}
	assert_int_equal(unparsed(h, TUN_TX) - unparsed_before, unread);
	assert_int_equal(packets(h, TUN_TX) - packets_before, read);
	/* Those with an IP but no transport header lack something as well. */
	assert_int_equal(loss(h, WIRE_LOSS_UNPARSED) - lost, unread + read);
	assert_int_equal(flows_n(h), 0);
}

static void test_cut_headers(void **state)
{
	cut_everywhere(*state, AF_INET, IPPROTO_TCP, 20);
	cut_everywhere(*state, AF_INET6, IPPROTO_TCP, 20);
	cut_everywhere(*state, AF_INET, IPPROTO_ICMP, 8);
	cut_everywhere(*state, AF_INET6, IPPROTO_ICMP, 8);
}

static void test_cut_udp(void **state)
{
	const struct ip ip = { .tx = true, .tags = { 0x8100 } };
	static struct frame f;

	frame_wg(&f, &ip, &(struct wg){ .inner = 100 });
	f.len = f.l4 + 3;
	run(*state, UND_TX, &f);
	assert_int_equal(loss(*state, WIRE_LOSS_UNPARSED), 1);
	assert_int_equal(sessions_n(*state), 0);
}

static void test_cut_extension(void **state)
{
	struct ip ip = with_extensions(2);
	static struct frame f;

	frame_tcp(&f, &ip, &data);
	f.len = f.l3 + 40 + extension_len(0) + 3;
	run(*state, TUN_TX, &f);
	assert_int_equal(unparsed(*state, TUN_TX), 1);
}

/* Byte 0 of the IP header: version and, for IPv4, the header's length. */
static void expect_unparsed_first_byte(struct harness *h, uint8_t family, uint8_t byte)
{
	uint64_t before = unparsed(h, TUN_TX);
	static struct frame f;

	frame_tcp(&f, &(struct ip){ .family = family, .tx = true }, &data);
	f.bytes[f.l3] = byte;
	run(h, TUN_TX, &f);
	assert_int_equal(unparsed(h, TUN_TX), before + 1);
}

static void test_version_and_header_length(void **state)
{
	for (unsigned version = 0; version < 16; version++) {
		if (version != 4)
			expect_unparsed_first_byte(*state, AF_INET, version << 4 | 5);
		if (version != 6)
			expect_unparsed_first_byte(*state, AF_INET6, version << 4);
	}
	for (uint8_t ihl = 0; ihl < 5; ihl++)
		expect_unparsed_first_byte(*state, AF_INET, 0x40 | ihl);
	assert_int_equal(packets(*state, TUN_TX), 0);
	assert_int_equal(flows_n(*state), 0);
}

static void test_header_longer_than_packet(void **state)
{
	static struct frame f;

	frame_tcp(&f, &(struct ip){ .tx = true }, &(struct segment){ .flags = TCP_SYN });
	f.bytes[f.l3] = 0x4f;
	run(*state, TUN_TX, &f);
	assert_int_equal(unparsed(*state, TUN_TX), 1);
	/* TCP's own header: 60 bytes in a segment of 20, 0 to 16 bytes in any. */
	for (int doff = 0; doff < 5; doff++) {
		frame_tcp(&f, &(struct ip){ .tx = true }, &(struct segment){ .flags = TCP_SYN });
		f.bytes[f.l4 + 12] = (doff ? doff : 15) << 4;
		run(*state, TUN_TX, &f);
	}
	frame_tcp(&f, &(struct ip){ .tx = true }, &(struct segment){ .flags = TCP_SYN });
	f.bytes[f.l4 + 12] = 0;
	run(*state, TUN_TX, &f);
	assert_int_equal(loss(*state, WIRE_LOSS_UNPARSED), 7);
	assert_int_equal(flows_n(*state), 0);
}

/*
 * The packet is as long as its frame if the header's length cannot be: 0 (BIG TCP), larger than the
 * frame, or too small.
 */
static void test_length_lies(void **state)
{
	static const uint16_t lengths[] = { 0, 1, 19, 1041, 1500, 65535 };
	static struct frame f;
	struct wire_counters c;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		harness_reset(state);
		frame_tcp(&f, &(struct ip){ .tx = true }, &data);
		put16(f.bytes + f.l3 + 2, lengths[i]);
		run(*state, TUN_TX, &f);
		counters_read(*state, TUN_TX, &c);
		assert_int_equal(c.bytes, 40 + PAYLOAD);
		assert_int_equal(flow_only(*state)->trial_inner, 40 + PAYLOAD);
	}
	for (size_t i = 0; i < 2; i++) {
		harness_reset(state);
		frame_tcp(&f, &(struct ip){ .family = AF_INET6, .tx = true }, &data);
		put16(f.bytes + f.l3 + 4, i ? 65535 : 0);
		run(*state, TUN_TX, &f);
		counters_read(*state, TUN_TX, &c);
		assert_int_equal(c.bytes, 60 + PAYLOAD);
	}
	/* Shorter than the headers that follow it: no segment of minus some bytes. */
	harness_reset(state);
	frame_tcp(&f, &(struct ip){ .tx = true }, &data);
	put16(f.bytes + f.l3 + 2, 30);
	run(*state, TUN_TX, &f);
	assert_int_equal(flows_n(*state), 0);
	assert_int_equal(loss(*state, WIRE_LOSS_UNPARSED), 1);
}

/* Only the link that the configuration names, in the role that it names. */
static void test_other_links(void **state)
{
	struct harness *h = *state;
	static struct frame f;

	frame_tcp(&f, &(struct ip){ .tx = true }, &data);
	h->config->links[0].role = WIRE_ROLE_UNDERLAY;
	run(h, TUN_TX, &f);
	h->config->links[0].role = WIRE_ROLE_TUNNEL;
	h->config->links[0].ifindex += 4096; /* the same slot, another link */
	run(h, TUN_TX, &f);
	h->config->links[0].ifindex -= 4096;
	h->config->link_slot[h->ifindex[TUN_TX]] = 0xff;
	run(h, TUN_TX, &f);
	assert_int_equal(packets(h, TUN_TX), 0);
	assert_int_equal(flows_n(h), 0);
	h->config->link_slot[h->ifindex[TUN_TX]] = 0;
	run(h, TUN_TX, &f);
	assert_int_equal(packets(h, TUN_TX), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_ipv4_options),
		bpf_test(test_ipv6_extensions),
		bpf_test(test_ipv6_too_many_extensions),
		bpf_test(test_vlan_tags),
		bpf_test(test_other_protocols),
		bpf_test(test_padding),
		bpf_test(test_cut_headers),
		bpf_test(test_cut_udp),
		bpf_test(test_cut_extension),
		bpf_test(test_version_and_header_length),
		bpf_test(test_header_longer_than_packet),
		bpf_test(test_length_lies),
		bpf_test(test_other_links),
	};

	return cmocka_run_group_tests_name("parse", tests, harness_open, harness_close);
}
