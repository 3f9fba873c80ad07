// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a forwarding host pays: three namespaces a - gateway - b, small packets from a raw socket in a, thread CPU time
 * of slices of them (veth forwards in the sender's context), dropped as they arrive in b. In each round, in random
 * order: nothing attached, nothing again, an empty program on both links, mtuscope's programs; the medians
 * of the differences within a round decide. "Nothing again" must come out near 0, else the machine was too busy. The
 * packets continue their flows and sessions, and are spread over many flows where the table says so, so the maps' cache
 * misses count. Prints a table in nanoseconds a packet; asserts nothing. Run by `make bench`, as root.
 */
#define _GNU_SOURCE
#include "../bpf/harness.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <net/if.h>

enum { TCX_INGRESS = 46, TCX_EGRESS = 47, PASS = -1, SHOT = 2 };
enum mode { NOTHING, NOTHING_AGAIN, EMPTY, PROGRAMS_ON, MODES };

#define SLICE	20000
#define BATCH	100
#define ROUNDS	61
#define PAYLOAD 32
#define FLOWS	32768
#define ROOM	128 /* bytes of a packet */

static const struct traffic {
	const char *what;
	uint32_t flows; /* 0: WireGuard data of one session */
	enum wire_role role_in, role_out;
	enum program in, out;
} traffics[] = {
	{ "TCP data, 1 flow: tun_rx, lan_tx", 1, WIRE_ROLE_TUNNEL, WIRE_ROLE_LAN, TUN_RX, LAN_TX },
	{ "TCP data, 4,096 flows: tun_rx, lan_tx", 4096, WIRE_ROLE_TUNNEL, WIRE_ROLE_LAN, TUN_RX, LAN_TX },
	{ "TCP data, 32,768 flows: tun_rx, lan_tx", FLOWS, WIRE_ROLE_TUNNEL, WIRE_ROLE_LAN, TUN_RX, LAN_TX },
	{ "UDP: tun_rx, lan_tx", 0, WIRE_ROLE_TUNNEL, WIRE_ROLE_LAN, TUN_RX, LAN_TX },
	{ "UDP: lan_tx, lan_tx", 0, WIRE_ROLE_LAN, WIRE_ROLE_LAN, LAN_TX, LAN_TX },
	{ "WireGuard data, 1 session: und_rx, und_tx", 0, WIRE_ROLE_UNDERLAY, WIRE_ROLE_UNDERLAY, UND_RX, UND_TX },
};

static struct {
	struct harness *h;
	int socket, empty_fd;
	uint32_t ifindex[2]; /* of the gateway, towards a and b */
	uint32_t seq[FLOWS];
	uint64_t counter;
	uint8_t packets[SLICE][ROOM];
	size_t len;
} bench;

static void die(const char *what)
{
	fprintf(stderr, "bench_forward: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void ip(const char *format, ...)
{
	char command[256] = "ip ";
	va_list args;

	va_start(args, format);
	vsnprintf(command + 3, sizeof(command) - 3, format, args);
	va_end(args);
	if (system(command))
		die(command);
}

static int netns_fd(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY);

	if (fd < 0)
		die("/proc/self/ns/net");
	return fd;
}

/* A namespace beside the gateway's with a link to it; leaves the process in the new one. Returns its descriptor. */
static int neighbour_make(int gateway, const char *name, int net)
{
	if (unshare(CLONE_NEWNET))
		die("no network namespace");
	ip("link add %s address 02:00:00:00:0%d:01 type veth peer name g%s address 02:00:00:00:0%d:02 netns "
	   "/proc/%d/fd/%d",
	   name, net, name, net, getpid(), gateway);
	ip("link set %s addrgenmode none up && ip addr add 10.%d.0.1/24 dev %s", name, net, name);
	ip("neigh replace 10.%d.0.2 lladdr 02:00:00:00:0%d:02 dev %s nud permanent", net, net, name);
	ip("route add default via 10.%d.0.2", net);
	return netns_fd();
}

static uint32_t gateway_link(const char *name, int net)
{
	ip("link set %s addrgenmode none up && ip addr add 10.%d.0.2/24 dev %s", name, net, name);
	ip("neigh replace 10.%d.0.1 lladdr 02:00:00:00:0%d:01 dev %s nud permanent", net, net, name);
	return if_nametoindex(name);
}

static int constant_load(int result)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = result },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "constant", "GPL", insns, sizeof(insns) / sizeof(insns[0]), NULL);
}

static int attach(int prog_fd, uint32_t ifindex, int where)
{
	int link = bpf_link_create(prog_fd, ifindex, (enum bpf_attach_type)where, NULL);

	if (link < 0)
		die("no tcx link: takes Linux 6.6");
	return link;
}

static void topology_make(void)
{
	int gateway = netns_fd(), one = 1, forward;

	neighbour_make(gateway, "pb", 2);
	attach(constant_load(SHOT), if_nametoindex("pb"), TCX_INGRESS);
	neighbour_make(gateway, "pa", 1);
	bench.socket = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (bench.socket < 0 || setsockopt(bench.socket, IPPROTO_IP, IP_HDRINCL, &one, sizeof(one)))
		die("no raw socket");
	if (setns(gateway, CLONE_NEWNET))
		die("setns");
	bench.ifindex[0] = gateway_link("gpa", 1);
	bench.ifindex[1] = gateway_link("gpb", 2);
	forward = open("/proc/sys/net/ipv4/ip_forward", O_WRONLY);
	if (forward < 0 || write(forward, "1", 1) != 1)
		die("ip_forward");
	close(forward);
}

static void config_set(const struct traffic *t)
{
	struct wire_config *c = bench.h->config;

	for (int i = 0; i < 2; i++) {
		c->links[i] = (struct wire_link){ .ifindex = bench.ifindex[i],
						  .mtu = UNDERLAY_MTU,
						  .role = i ? t->role_out : t->role_in,
						  .l3_offset = ETHERNET_LEN };
		c->link_slot[bench.ifindex[i]] = i;
	}
}

/* The next packets of the flows, in random order. */
static void packets_make(const struct traffic *t)
{
	static struct frame f;
	const struct ip to_b = { .tx = true, .bare = true };

	for (size_t i = 0; i < SLICE; i++) {
		uint32_t flow = t->flows ? (uint32_t)random() % t->flows : 0;

		if (t->flows) {
			frame_tcp(&f, &to_b,
				  &(struct segment){ .local_port = 1024 + flow,
						     .seq = bench.seq[flow],
						     .ack = 1,
						     .flags = TCP_ACK,
						     .payload = PAYLOAD });
			bench.seq[flow] += PAYLOAD;
		} else {
			frame_wg(&f, &to_b,
				 &(struct wg){ .remote_port = WG_PORT,
					       .index = 9,
					       .counter = bench.counter++,
					       .inner = PAYLOAD });
		}
		memcpy(bench.packets[i], f.bytes, f.len);
		bench.len = f.len;
	}
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static double slice_send(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a020001) };
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	double begin = cpu_ns();

	for (size_t sent = 0; sent < SLICE; sent += BATCH) {
		for (size_t i = 0; i < BATCH; i++) {
			parts[i] = (struct iovec){ bench.packets[sent + i], bench.len };
			messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &to,
								     .msg_namelen = sizeof(to),
								     .msg_iov = &parts[i],
								     .msg_iovlen = 1 } };
		}
		if (sendmmsg(bench.socket, messages, BATCH, 0) != BATCH)
			die("sendmmsg");
	}
	return (cpu_ns() - begin) / SLICE;
}

static double slice_run(const struct traffic *t, enum mode mode)
{
	int in = -1, out = -1;
	double ns;

	packets_make(t);
	bench.h->config->now_ms += 250;
	if (mode >= EMPTY) {
		in = attach(mode == EMPTY ? bench.empty_fd : bench.h->prog_fd[t->in], bench.ifindex[0], TCX_INGRESS);
		out = attach(mode == EMPTY ? bench.empty_fd : bench.h->prog_fd[t->out], bench.ifindex[1], TCX_EGRESS);
	}
	ns = slice_send();
	close(in);
	close(out);
	return ns;
}

static int compare(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return d < 0 ? -1 : d > 0;
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

static void traffic_run(const struct traffic *t)
{
	static double base[ROUNDS], above[MODES][ROUNDS];

	config_set(t);
	/* The flows become known. */
	for (uint32_t i = 0; i <= 4 * t->flows / SLICE; i++)
		slice_run(t, PROGRAMS_ON);
	for (int round = 0; round < ROUNDS; round++) {
		enum mode order[MODES] = { NOTHING, NOTHING_AGAIN, EMPTY, PROGRAMS_ON };
		double ns[MODES];

		for (int i = MODES - 1; i > 0; i--) {
			int other = random() % (i + 1);
			enum mode mode = order[i];

			order[i] = order[other];
			order[other] = mode;
		}
		for (int i = 0; i < MODES; i++)
			ns[order[i]] = slice_run(t, order[i]);
		base[round] = ns[NOTHING];
		for (int m = 0; m < MODES; m++)
			above[m][round] = ns[m] - ns[NOTHING];
	}
	printf("| %s | %.0f | %+.0f | %+.0f | %+.0f |\n", t->what, median(base), median(above[NOTHING_AGAIN]),
	       median(above[EMPTY]), median(above[PROGRAMS_ON]));
	fflush(stdout);
}

int main(void)
{
	cpu_set_t one;
	void *state = NULL;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	bench.empty_fd = constant_load(PASS);
	if (bench.empty_fd < 0 || harness_open(&state) || sched_setaffinity(0, sizeof(one), &one))
		die("cannot load the programs: run as root");
	bench.h = state;
	topology_make();
	printf("ns of CPU a forwarded packet, %d rounds of %d packets\n\n", ROUNDS, SLICE);
	printf("| traffic and programs | nothing | nothing again | empty programs | programs "
	       "|\n|---|---:|---:|---:|---:|\n");
	for (size_t i = 0; i < sizeof(traffics) / sizeof(traffics[0]); i++) {
		harness_reset(&state);
		traffic_run(&traffics[i]);
	}
	return harness_close(&state);
}
