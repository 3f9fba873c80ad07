/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target (libFuzzer): bytes become a gateway that changes step by step, seen in snapshots by the analysis, as a
 * forged recording would be. Any field may hold anything that its type allows. No crash, no sanitizer report, and
 * each finding that comes out holds the invariants of ../unit/invariants.h. Needs user/core/.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/invariants.h"
#include "analysis.h"

#define ROOM	 8
#define TICK_MS	 250
#define SESSIONS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

struct gateway {
	msec_t now_ms;
	bool indexed;
	struct link links[ROOM];
	struct peer peers[ROOM];
	struct allowed_ip allowed_ips[ROOM];
	struct flow flows[ROOM];
	struct session sessions[SESSIONS];
	struct tally tallies[ROOM];
	struct analysis *analysis;
	struct lives lives;
};

enum op {
	OP_TICK,
	OP_JUMP,
	OP_FLOW,
	OP_TRY,
	OP_DELIVER,
	OP_RECEIVE,
	OP_HOLE,
	OP_SESSION,
	OP_GAP,
	OP_TALLY,
	OP_COUNT,
	OP_LINK,
	OP_PEER,
	OP_ALLOWED,
	OP_LINEAR,
	OPS,
};

static uint64_t number(struct input *in, size_t bytes)
{
	uint64_t value = 0;

	while (bytes-- && in->size) {
		value = value << 8 | *in->data++;
		in->size--;
	}
	return value;
}

/* Up to eight bytes of the input, somewhere in the struct. */
static void poke(struct input *in, void *to, size_t size)
{
	size_t at = number(in, 1) % size, n = 1 + number(in, 1) % 8;

	for (size_t i = at; i < at + n && i < size; i++)
		((uint8_t *)to)[i] = number(in, 1);
}

static void *copy(const void *from, size_t n, size_t size)
{
	void *to = malloc(n * size);

	if (!to)
		abort();
	return memcpy(to, from, n * size);
}

static void check(const struct finding *f, void *arg)
{
	struct gateway *g = arg;
	const char *wrong = finding_wrong(f);

	if (!wrong)
		wrong = life_wrong(&g->lives, f);
	if (!wrong)
		return;
	fprintf(stderr, "%s: %s [%u, %u) mtu %u, \"%s\"\n", wrong, finding_class_name(f->class), f->path_mtu_lower,
		f->path_mtu_upper, f->recommended_mtu, f->message);
	abort();
}

static void tick(struct gateway *g)
{
	struct snapshot snap = {
		.now_ms = g->now_ms,
		.inventory.links = copy(g->links, ROOM, sizeof(g->links[0])),
		.inventory.links_n = ROOM,
		.inventory.peers = copy(g->peers, ROOM, sizeof(g->peers[0])),
		.inventory.peers_n = ROOM,
		.inventory.allowed_ips = copy(g->allowed_ips, ROOM, sizeof(g->allowed_ips[0])),
		.inventory.allowed_ips_n = ROOM,
		.flows = copy(g->flows, ROOM, sizeof(g->flows[0])),
		.flows_n = ROOM,
		.sessions = copy(g->sessions, SESSIONS, sizeof(g->sessions[0])),
		.sessions_n = SESSIONS,
		.tallies = copy(g->tallies, ROOM, sizeof(g->tallies[0])),
		.tallies_n = ROOM,
	};

	if (g->indexed)
		inventory_index(&snap.inventory); /* refuses what is not sound; the linear search takes it */
	if (analysis_step(g->analysis, &snap, check, g))
		abort();
	snapshot_free(&snap);
}

/* A gateway with a tunnel, two peers, and flows to hosts behind them: from there the bytes lead away. */
static void gateway_start(struct gateway *g)
{
	memset(g, 0, sizeof(*g));
	g->now_ms = 1000;
	g->indexed = true;
	g->links[0] = (struct link){ .ifindex = 5,
				     .name = "wg0",
				     .mtu = 8920,
				     .role = WIRE_ROLE_TUNNEL,
				     .up = true,
				     .kernel_wireguard = true,
				     .listen_port = 51820 };
	for (size_t i = 0; i < ROOM; i++) {
		struct peer *p = &g->peers[i];

		p->tunnel_ifindex = i < 2 ? 5 : 0;
		p->public_key[0] = i;
		p->endpoint.ip.family = i % 2 ? AF_INET6 : AF_INET;
		p->endpoint.ip.bytes[3] = i;
		p->endpoint.port = 51820;
		g->allowed_ips[i] = (struct allowed_ip){
			.peer = i, .prefix_len = 24, .ip.family = AF_INET, .ip.bytes = { 10, 1, i }
		};
		g->flows[i] = (struct flow){ .tag = i + 1,
					     .ifindex = 5,
					     .family = AF_INET,
					     .protocol = i < 6 ? 6 : 1,
					     .flags = WIRE_FLOW_ESTABLISHED | WIRE_FLOW_SYN_TX,
					     .headers = 52,
					     .remote = { 10, 1, i % 2, i / 4 },
					     .mss_local = 8880 };
	}
	for (size_t i = 0; i < SESSIONS; i++) {
		g->sessions[i].key = (struct wire_session_key){
			.index = i, .family = i % 2 ? AF_INET6 : AF_INET, .remote_port = 51820, .local_port = 51820
		};
		g->sessions[i].key.remote[3] = i % 2;
	}
	for (size_t i = 0; i < ROOM; i++)
		g->tallies[i].key = (struct wire_tally_key){ .kind = 1 + i, .family = AF_INET, .port = 51820 };
}

static void flow_op(struct gateway *g, struct input *in, enum op op)
{
	struct flow *f = &g->flows[number(in, 1) % ROOM];
	uint16_t size = number(in, 2);

	switch (op) {
	case OP_TRY:
		if (!f->trial_last_ms || f->trial_inner != size)
			f->trial_first_ms = g->now_ms;
		f->trial_tries = f->trial_inner == size ? f->trial_tries + 1 : 1;
		f->trial_inner = size;
		f->trial_last_ms = f->last_tx_ms = f->last_tx_data_ms = g->now_ms;
		break;
	case OP_DELIVER:
		f->tx_delivered_inner = size;
		f->tx_delivered_ms = f->rx_delivered_ms = f->last_rx_ms = g->now_ms;
		f->tx_delivered++;
		f->trial_last_ms = f->trial_tries = 0;
		break;
	case OP_RECEIVE:
		f->rx_delivered_inner = size;
		f->rx_delivered_ms = f->last_rx_ms = f->last_rx_data_ms = g->now_ms;
		break;
	default: /* OP_HOLE */
		f->hole_ms = f->hole_ms ? 0 : g->now_ms;
		f->hole_end = f->rx_next + size;
		f->last_rx_ms = g->now_ms;
	}
}

static void counter_op(struct gateway *g, struct input *in, enum op op)
{
	struct session_value *w = &g->sessions[number(in, 1) % SESSIONS].value;
	struct tally_value *t = &g->tallies[number(in, 1) % ROOM].value;

	if (op == OP_COUNT) {
		t->count += number(in, 1);
		t->size_min = t->size_max = number(in, 2);
		return;
	}
	w->counter_max += number(in, 1);
	w->received += number(in, 1);
	w->size_outer = number(in, 2);
	w->last_ms = w->size_ms = g->now_ms;
}

/* What is a truth value, and a string's end, stay what they are: a reader of recordings must see to that. */
static void link_op(struct gateway *g, struct input *in)
{
	struct link *l = &g->links[number(in, 1) % ROOM];
	const struct link before = *l;

	poke(in, l, sizeof(*l));
	l->up = before.up;
	l->ethernet = before.ethernet;
	l->kernel_wireguard = number(in, 1) & 1;
	l->name[IFACE_NAME_LEN - 1] = '\0';
}

static void apply(struct gateway *g, struct input *in, enum op op)
{
	switch (op) {
	case OP_TICK:
		g->now_ms += TICK_MS * (1 + number(in, 1) % 8);
		tick(g);
		break;
	case OP_JUMP:
		g->now_ms += (int32_t)number(in, 4);
		tick(g);
		break;
	case OP_FLOW:
		poke(in, &g->flows[number(in, 1) % ROOM], sizeof(g->flows[0]));
		break;
	case OP_SESSION:
		poke(in, &g->sessions[number(in, 1) % SESSIONS], sizeof(g->sessions[0]));
		break;
	case OP_TALLY:
		poke(in, &g->tallies[number(in, 1) % ROOM], sizeof(g->tallies[0]));
		break;
	case OP_GAP:
	case OP_COUNT:
		counter_op(g, in, op);
		break;
	case OP_LINK:
		link_op(g, in);
		break;
	case OP_PEER:
		poke(in, &g->peers[number(in, 1) % ROOM], sizeof(g->peers[0]));
		break;
	case OP_ALLOWED:
		poke(in, &g->allowed_ips[number(in, 1) % ROOM], sizeof(g->allowed_ips[0]));
		break;
	case OP_LINEAR:
		g->indexed = !g->indexed;
		break;
	default:
		flow_op(g, in, op);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	static struct gateway g;

	gateway_start(&g);
	g.analysis = analysis_new();
	if (!g.analysis)
		abort();
	while (in.size)
		apply(&g, &in, number(&in, 1) % OPS);
	analysis_free(g.analysis);
	return 0;
}
