// SPDX-License-Identifier: GPL-2.0-or-later
/* A router behind the peer that says what is too big for its next link, and those who say so without being one; see network.h. */
#include "network_internal.h"

#include <netinet/in.h>
#include <string.h>

#define MESSAGE_INNER	576 /* bytes: RFC 1812, 4.3.2.3 */
#define FORGED_EVERY_MS 200

bool router_passes(struct network *n, const struct in_flight *p)
{
	if (!n->router_mtu || p->inner <= n->router_mtu)
		return true;
	if (!n->swallowed_ms[WIRE_TX])
		n->swallowed_ms[WIRE_TX] = n->now_ms;
	if (random_true(&n->seed, n->router_silent))
		return false;
	packet_send(n, &(struct in_flight){ .serial = p->serial,
					    .connection = p->connection,
					    .segment = p->segment,
					    .inner = MESSAGE_INNER,
					    .mtu = n->router_mtu });
	return false;
}

/* As bpf/too_big.bpf.h counts it on a tunnel, coming out of it, and on a LAN, leaving. */
static void count(struct network *n, const struct connection *c, bool left, uint32_t mtu)
{
	struct tally *t = &n->messages[2 * c->host + left];
	const struct wire_flow *f = c->flow;

	t->key = (struct wire_tally_key){ .kind = left ? WIRE_TALLY_TOO_BIG_TX : WIRE_TALLY_TOO_BIG_RX,
					  .aux = mtu,
					  .ifindex = left ? 1 : SCENE_WG0,
					  .family = f->family,
					  .tunnel = !left,
					  .port = left ? 0 : f->remote_port };
	memcpy(t->key.remote, left ? f->local : f->remote, 16);
	if (left)
		memcpy(t->key.reporter, f->remote, 16);
	else
		t->key.reporter[0] = 10;
	t->value.count++;
	t->value.last_ms = n->scene.clock_ms;
	if (!t->value.first_ms)
		t->value.first_ms = n->scene.clock_ms;
}

void router_message_arrives(struct network *n, struct connection *c, const struct in_flight *p)
{
	count(n, c, false, p->mtu);
	programs_told(c->flow, p->segment.seq, p->mtu);
	if (n->router_kept)
		return;
	count(n, c, true, p->mtu);
	if (!n->deaf && !c->end[0].told_ms)
		c->end[0].told_ms = n->now_ms;
}

void router_step(struct network *n)
{
	for (size_t i = 0; i < n->connections_n; i++) {
		struct connection *c = &n->connections[i];
		struct end *e = &c->end[0];

		if (n->forged && n->now_ms % FORGED_EVERY_MS == 0) {
			count(n, c, false, 1280);
			programs_told(c->flow, e->una - 1, 1280);
		}
		if (!e->told_ms || n->now_ms - e->told_ms < n->heed_ms)
			continue;
		e->told_ms = 0;
		end_heeds(n, c, n->router_mtu - n->headers);
	}
}
