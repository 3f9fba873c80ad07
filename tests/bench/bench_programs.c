// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What each tc program costs on each kind of packet: BPF_PROG_TEST_RUN repeats it, and what an empty program takes on
 * the same packet in the same round is subtracted. Rounds are interleaved over all rows, so that a slow moment of the machine
 * meets all alike. Everything stays in the caches here, so these are lower bounds; bench_forward.c measures what
 * packets on their way pay. Prints a table in nanoseconds a packet; asserts nothing. Run by `make bench`, as root.
 */
#include "../bpf/harness.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS	  31
#define REPEAT	  50000
#define NEW_FLOWS 4000 /* packets a round of which each is the first of its flow, run one by one */

static void tcp_data(struct frame *f, bool tx, uint8_t family)
{
	frame_tcp(f, &(struct ip){ .tx = tx, .family = family },
		  &(struct segment){ .seq = 5000, .ack = 1, .flags = TCP_ACK, .payload = 1200 });
}

static void tcp_data4(struct frame *f, bool tx)
{
	tcp_data(f, tx, AF_INET);
}

static void tcp_data6(struct frame *f, bool tx)
{
	tcp_data(f, tx, AF_INET6);
}

static void tcp_ack(struct frame *f, bool tx)
{
	frame_tcp(f, &(struct ip){ .tx = tx }, &(struct segment){ .seq = 5000, .ack = 1, .flags = TCP_ACK });
}

static void tcp_super(struct frame *f, bool tx)
{
	frame_tcp(f, &(struct ip){ .tx = tx },
		  &(struct segment){ .seq = 5000, .ack = 1, .flags = TCP_ACK, .payload = 3000 });
	f->gso_size = 1200;
}

static void tcp_syn(struct frame *f, bool tx)
{
	frame_tcp(f, &(struct ip){ .tx = tx }, &(struct segment){ .flags = TCP_SYN, .mss = 1380 });
}

static void echo(struct frame *f, bool tx)
{
	frame_echo(f, &(struct ip){ .tx = tx }, tx, 7, 1, 56);
}

static void wg_data(struct frame *f, bool tx)
{
	/* Below the first counter seen by more than the window: not taken for a duplicate, however often it comes. */
	frame_wg(f, &(struct ip){ .tx = tx }, &(struct wg){ .index = 9, .counter = 5000, .inner = 1200 });
}

static void udp(struct frame *f, bool tx)
{
	frame_udp(f, &(struct ip){ .tx = tx }, 5353, 5353, 100);
}

static void arp(struct frame *f, bool tx)
{
	udp(f, tx);
	put16(f->bytes + 12, 0x0806);
}

/* What the maps hold before the first round: the flow or session that the packet belongs to. */
static void know_flow(struct harness *h, enum program p)
{
	static struct frame f;
	bool tx = p == TUN_TX;

	for (int v6 = 0; v6 < 2; v6++) {
		struct ip there = { .tx = tx, .family = v6 ? AF_INET6 : AF_INET }, back = there;

		back.tx = !tx;
		frame_tcp(&f, &there, &(struct segment){ .seq = 3800, .ack = 1, .flags = TCP_ACK, .payload = 1200 });
		run(h, p, &f);
		frame_tcp(&f, &back, &(struct segment){ .seq = 1, .ack = 3800, .flags = TCP_ACK, .payload = 1200 });
		run(h, tx ? TUN_RX : TUN_TX, &f);
	}
}

static void know_session(struct harness *h, enum program p)
{
	static struct frame f;

	frame_wg(&f, &(struct ip){ .tx = p == UND_TX }, &(struct wg){ .index = 9, .counter = 6000, .inner = 1200 });
	run(h, p, &f);
}

/* What fills the table when the first packets of flows come. */
enum table { REPEATED, EMPTY, IDLE, LIVING };

static const struct row {
	enum program program;
	const char *program_name, *what;
	void (*make)(struct frame *f, bool tx);
	void (*prepare)(struct harness *h, enum program p);
	enum table fresh; /* each packet a flow of its own, in such a table */
} rows[] = {
	{ TUN_TX, "tun_tx", "TCP data, known flow", tcp_data4, know_flow, REPEATED },
	{ TUN_TX, "tun_tx", "TCP data, known flow, IPv6", tcp_data6, know_flow, REPEATED },
	{ TUN_TX, "tun_tx", "TCP acknowledgement, known flow", tcp_ack, know_flow, REPEATED },
	{ TUN_TX, "tun_tx", "TCP super-packet, known flow", tcp_super, know_flow, REPEATED },
	{ TUN_TX, "tun_tx", "TCP SYN, new flow *", tcp_syn, NULL, EMPTY },
	{ TUN_TX, "tun_tx", "TCP SYN, new flow, table full of idle ones *", tcp_syn, NULL, IDLE },
	{ TUN_TX, "tun_tx", "TCP SYN, new flow, table full of living ones *", tcp_syn, NULL, LIVING },
	{ TUN_TX, "tun_tx", "small echo request", echo, NULL, REPEATED },
	{ TUN_TX, "tun_tx", "UDP", udp, NULL, REPEATED },
	{ TUN_RX, "tun_rx", "TCP data, known flow", tcp_data4, know_flow, REPEATED },
	{ TUN_RX, "tun_rx", "TCP acknowledgement, known flow", tcp_ack, know_flow, REPEATED },
	{ TUN_RX, "tun_rx", "TCP super-packet, known flow", tcp_super, know_flow, REPEATED },
	{ TUN_RX, "tun_rx", "UDP", udp, NULL, REPEATED },
	{ UND_TX, "und_tx", "WireGuard data", wg_data, know_session, REPEATED },
	{ UND_RX, "und_rx", "WireGuard data", wg_data, know_session, REPEATED },
	{ UND_RX, "und_rx", "other UDP", udp, NULL, REPEATED },
	{ UND_RX, "und_rx", "TCP data", tcp_data4, NULL, REPEATED },
	{ UND_RX, "und_rx", "small echo reply", echo, NULL, REPEATED },
	{ UND_RX, "und_rx", "ARP", arp, NULL, REPEATED },
	{ LAN_TX, "lan_tx", "TCP data", tcp_data4, NULL, REPEATED },
	{ LAN_TX, "lan_tx", "TCP super-packet", tcp_super, NULL, REPEATED },
	{ LAN_TX, "lan_tx", "UDP", udp, NULL, REPEATED },
	{ LAN_TX, "lan_tx", "small echo request", echo, NULL, REPEATED },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int empty_load(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "empty", "GPL", insns, sizeof(insns) / sizeof(insns[0]), NULL);
}

static double time_ns(int prog_fd, const struct harness *h, enum program p, const struct frame *f, uint32_t repeat)
{
	struct __sk_buff ctx = { .ifindex = h->ifindex[p], .gso_size = f->gso_size };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->bytes, .data_size_in = f->len, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = repeat);

	if (f->gso_size)
		ctx.gso_segs = (f->len + f->gso_size - 1) / f->gso_size;
	if (bpf_prog_test_run_opts(prog_fd, &opts)) {
		fprintf(stderr, "bench_programs: the kernel does not run this packet: %s\n", strerror(errno));
		exit(1);
	}
	return opts.duration;
}

static int compare(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return d < 0 ? -1 : d > 0;
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

/* The median of single runs, each on a packet that no run before has seen: the clock's cost is in the floor as well. */
static double time_fresh(int prog_fd, const struct harness *h, const struct row *row, struct frame *f)
{
	static double ns[NEW_FLOWS];

	for (size_t i = 0; i < WIRE_FLOWS; i++)
		h->flows[i] = (struct wire_flow){ .tag = row->fresh != EMPTY,
						  .flags = WIRE_FLOW_ESTABLISHED,
						  .last_tx_ms = row->fresh == LIVING ? NOW : 0 };
	for (uint32_t i = 0; i < NEW_FLOWS; i++) {
		put16(f->bytes + f->l4, 1024 + i);
		ns[i] = time_ns(prog_fd, h, row->program, f, 1);
	}
	return median(ns, NEW_FLOWS);
}

static double time_row(int prog_fd, const struct harness *h, const struct row *row, struct frame *f)
{
	return row->fresh != REPEATED ? time_fresh(prog_fd, h, row, f) : time_ns(prog_fd, h, row->program, f, REPEAT);
}

int main(void)
{
	static double ns[ROWS][ROUNDS], floor_ns[ROWS * ROUNDS];
	static struct frame frames[ROWS];
	void *state = NULL;
	int empty = empty_load();
	struct harness *h;
	size_t floors = 0;

	if (empty < 0 || harness_open(&state)) {
		fprintf(stderr, "bench_programs: cannot load the programs: run as root\n");
		return 1;
	}
	h = state;
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < ROWS; i++) {
			double floor_of;

			harness_reset(&state);
			rows[i].make(&frames[i], rows[i].program == TUN_TX || rows[i].program == UND_TX ||
							 rows[i].program == LAN_TX);
			if (rows[i].prepare)
				rows[i].prepare(h, rows[i].program);
			floor_of = time_row(empty, h, &rows[i], &frames[i]);
			ns[i][round] = time_row(h->prog_fd[rows[i].program], h, &rows[i], &frames[i]) - floor_of;
			if (rows[i].fresh == REPEATED)
				floor_ns[floors++] = floor_of;
		}
	}
	printf("ns a packet above an empty program (%.0f), %d rounds of %d\n\n", median(floor_ns, floors), ROUNDS,
	       REPEAT);
	printf("| program | packet | median | least |\n|---|---|---:|---:|\n");
	for (size_t i = 0; i < ROWS; i++) {
		double middle = median(ns[i], ROUNDS);

		printf("| %s | %s | %.0f | %.0f |\n", rows[i].program_name, rows[i].what, middle, ns[i][0]);
	}
	printf("\n* single runs, each with its packet brought in anew\n");
	return harness_close(&state);
}
