// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The programs attached to a real TUN device, which like WireGuard's has no link header: packets come in by
 * writing to its file and go out by a packet socket. Here pass what BPF_PROG_TEST_RUN does not make: headers cut
 * short, packets as large as IP allows, and headers outside an skb's linear part.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { TCX_INGRESS = 46, TCX_EGRESS = 47 }; /* enum bpf_attach_type, Linux 6.6 */

#define WAIT_MS 5000

static struct frame f;
static int tun_fd, packet_fd;

/* With tcx, or before Linux 6.6 with clsact. */
static void attach(struct harness *h, uint32_t ifindex, enum program program)
{
	enum bpf_tc_attach_point point = program == TUN_RX ? BPF_TC_INGRESS : BPF_TC_EGRESS;
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = h->prog_fd[program]);
	int err;

	if (bpf_link_create(h->prog_fd[program], ifindex,
			    (enum bpf_attach_type)(program == TUN_RX ? TCX_INGRESS : TCX_EGRESS), NULL) >= 0)
		return;
	err = bpf_tc_hook_create(&hook);
	assert_true(!err || err == -EEXIST);
	hook.attach_point = point;
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
}

static int device_open(void **state)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET };
	struct harness *h;
	uint32_t ifindex;

	if (harness_open(state))
		return -1;
	h = *state;
	tun_fd = device_make("tun", IFF_TUN | IFF_VNET_HDR, &ifindex);
	packet_fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	address.sll_ifindex = ifindex;
	if (packet_fd < 0 || bind(packet_fd, (struct sockaddr *)&address, sizeof(address)))
		return -1;
	attach(h, ifindex, TUN_RX);
	attach(h, ifindex, TUN_TX);
	h->ifindex[TUN_RX] = h->ifindex[TUN_TX] = ifindex;
	return 0;
}

static int device_close(void **state)
{
	close(packet_fd);
	close(tun_fd);
	return harness_close(state);
}

static int device_reset(void **state)
{
	struct harness *h = *state;

	harness_reset(state);
	h->config->links[0].l3_offset = 0;
	return 0;
}

/*
 * Comes out of the tunnel: returns what the kernel says. linear: bytes in the skb's linear part, if
 * the packet is large.
 */
static ssize_t come(uint16_t linear)
{
	struct virtio_net_hdr header = { .hdr_len = linear };
	struct iovec parts[] = { { &header, sizeof(header) }, { f.bytes, f.len } };

	if (f.gso_size) {
		header.gso_type = f.family == AF_INET6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		header.gso_size = f.gso_size;
		header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header.csum_start = f.l4;
		header.csum_offset = 16;
	}
	return writev(tun_fd, parts, 2);
}

/* Goes into the tunnel, and what leaves at the other end is the same. */
static void go(void)
{
	static uint8_t out[sizeof(struct virtio_net_hdr) + FRAME_MAX];
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	struct pollfd ready = { .fd = tun_fd, .events = POLLIN };
	socklen_t len = sizeof(to);

	assert_int_equal(getsockname(packet_fd, (struct sockaddr *)&to, &len), 0);
	to.sll_protocol = htons(f.family == AF_INET6 ? ETH_P_IPV6 : ETH_P_IP);
	assert_int_equal(sendto(packet_fd, f.bytes, f.len, 0, (struct sockaddr *)&to, sizeof(to)), f.len);
	assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
	assert_int_equal(read(tun_fd, out, sizeof(out)), sizeof(struct virtio_net_hdr) + f.len);
	assert_memory_equal(out + sizeof(struct virtio_net_hdr), f.bytes, f.len);
}

static struct wire_counters counters(struct harness *h, enum program program)
{
	struct wire_counters c;

	counters_read(h, program, &c);
	return c;
}

static void test_conversation(void **state)
{
	struct harness *h = *state;

	for (int six = 0; six < 2; six++) {
		const struct ip out = { .tx = true, .bare = true, .family = six ? AF_INET6 : AF_INET };
		const struct ip in = { .tx = false, .bare = true, .family = out.family };
		size_t headers = six ? 60 : 40;

		device_reset(state);
		frame_tcp(&f, &out, &(struct segment){ .seq = 9, .flags = TCP_SYN, .mss = 1360 });
		go();
		frame_tcp(&f, &in, &(struct segment){ .seq = 99, .ack = 10, .flags = TCP_SYN | TCP_ACK, .mss = 1460 });
		assert_int_equal(come(0), sizeof(struct virtio_net_hdr) + f.len);
		frame_tcp(&f, &out, &(struct segment){ .seq = 10, .ack = 100, .flags = TCP_ACK, .payload = 1300 });
		go();
		assert_int_equal(flow_only(h)->trial_inner, headers + 1300);
		frame_tcp(&f, &in, &(struct segment){ .seq = 100, .ack = 1310, .flags = TCP_ACK });
		come(0);
		assert_int_equal(flow_only(h)->tx_delivered, 2);
		assert_int_equal(flow_only(h)->tx_delivered_inner, headers + 1300);
		assert_int_equal(flow_only(h)->mss_local, 1360);
		assert_int_equal(flow_only(h)->mss_remote, 1460);
		assert_int_equal(flow_only(h)->local_port, 40000);
		assert_int_equal(counters(h, TUN_TX).packets, 2);
		assert_int_equal(counters(h, TUN_RX).packets, 2);
		assert_int_equal(counters(h, TUN_TX).bytes, 2 * headers + 4 + 1300);
		assert_int_equal(counters(h, TUN_TX).unparsed + counters(h, TUN_RX).unparsed, 0);
	}
}

/* A packet of fewer bytes than an IP header has. */
static void test_cut_headers(void **state)
{
	struct harness *h = *state;

	for (int six = 0; six < 2; six++) {
		size_t header = six ? 40 : 20;

		device_reset(state);
		for (size_t len = 1; len < header; len++) {
			frame_tcp(&f, &(struct ip){ .bare = true, .family = six ? AF_INET6 : AF_INET },
				  &(struct segment){ .flags = TCP_SYN });
			f.len = len;
			come(0);
		}
		assert_int_equal(counters(h, TUN_RX).unparsed, header - 1);
		assert_int_equal(counters(h, TUN_RX).packets, 0);
	}
}

/* The last slot takes everything from 9232 bytes on. */
static void test_largest_sizes(void **state)
{
	static const size_t lens[] = { 9231, 9232, 9248, 20000, 65535 };
	struct harness *h = *state;

	for (size_t i = 0; i < 5; i++) {
		frame_udp(&f, &(struct ip){ .bare = true }, 1000, 2000, lens[i] - 28);
		assert_int_equal(come(0), sizeof(struct virtio_net_hdr) + f.len);
	}
	assert_int_equal(counters(h, TUN_RX).sizes[WIRE_SIZE_SLOTS - 2], 1);
	assert_int_equal(counters(h, TUN_RX).sizes[WIRE_SIZE_SLOTS - 1], 4);
	assert_int_equal(counters(h, TUN_RX).packets, 5);
	assert_int_equal(counters(h, TUN_RX).oversized, 5);
}

/* Only the first bytes of the IP header are where a program could read them directly. */
static void test_headers_in_pages(void **state)
{
	struct harness *h = *state;

	for (int six = 0; six < 2; six++) {
		const struct ip in = { .bare = true, .family = six ? AF_INET6 : AF_INET };

		device_reset(state);
		frame_tcp(&f, &in,
			  &(struct segment){
				  .seq = 100, .ack = 1, .flags = TCP_ACK | TCP_SYN, .mss = 1460, .payload = 9000 });
		assert_int_equal(come(4), sizeof(struct virtio_net_hdr) + f.len);
		assert_int_equal(counters(h, TUN_RX).unparsed, 0);
		assert_int_equal(flow_only(h)->mss_remote, 1460);
		assert_int_equal(flow_only(h)->rx_delivered_inner, (six ? 64 : 44) + 9000);
		assert_int_equal(flow_only(h)->local_port, 40000);
	}
}

/* As GRO and segmentation offload leave it: one skb of almost 64 KiB, on the wire 48 segments that fit. */
static void test_super_packet(void **state)
{
	struct harness *h = *state;

	for (int six = 0; six < 2; six++) {
		const struct ip in = { .bare = true, .family = six ? AF_INET6 : AF_INET };
		size_t headers = six ? 60 : 40, mss = TUNNEL_MTU - headers;

		device_reset(state);
		frame_tcp(&f, &in,
			  &(struct segment){ .seq = 100, .ack = 1, .flags = TCP_ACK, .payload = 47 * mss + 1 });
		f.gso_size = mss;
		assert_int_equal(come(headers), sizeof(struct virtio_net_hdr) + f.len);
		assert_int_equal(counters(h, TUN_RX).packets, 48);
		assert_int_equal(counters(h, TUN_RX).oversized, 0);
		assert_int_equal(counters(h, TUN_RX).bytes, 48 * headers + 47 * mss + 1);
		assert_int_equal(counters(h, TUN_RX).sizes[TUNNEL_MTU / 16], 48);
		assert_int_equal(flow_only(h)->rx_delivered_inner, TUNNEL_MTU);
		assert_int_equal(flow_only(h)->rx_next, 100 + 47 * mss + 1);
	}
}

#define device_test(name) cmocka_unit_test_setup(name, device_reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(test_conversation),	    device_test(test_cut_headers),  device_test(test_largest_sizes),
		device_test(test_headers_in_pages), device_test(test_super_packet),
	};

	return cmocka_run_group_tests_name("device", tests, device_open, device_close);
}
