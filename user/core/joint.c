// SPDX-License-Identifier: GPL-2.0-or-later
/* Two recordings become two ends of one tunnel; see joint.h. */
#include "joint_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CANDIDATES_MAX 64 /* tunnels that two gateways have in common; more are not looked for */

/* Room for one more at the end of a list: its place, NULL: no memory. */
#define LIST_ADD(list)                                                                                                 \
	(list_room((void **)&(list)->at, &(list)->n, &(list)->cap, sizeof(*(list)->at)) ? &(list)->at[(list)->n - 1]   \
											: NULL)

static bool list_room(void **at, size_t *n, size_t *cap, size_t size)
{
	if (*n == *cap) {
		size_t more = *cap ? 2 * *cap : 64;
		void *bigger = realloc(*at, more * size);

		if (!bigger)
			return false;
		*at = bigger;
		*cap = more;
	}
	++*n;
	return true;
}

struct joint *joint_new(void)
{
	return calloc(1, sizeof(struct joint));
}

void joint_free(struct joint *j)
{
	for (int i = 0; j && i < JOINT_ENDS; i++) {
		struct seen_end *e = &j->ends[i];
		struct met *m, *next;

		HASH_ITER (hh, e->met, m, next) {
			HASH_DEL(e->met, m);
			free(m);
		}
		free(e->rises[WIRE_RX].at);
		free(e->rises[WIRE_TX].at);
		free(e->sized.at);
		free(e->found.at);
	}
	free(j);
}

static struct met *met_find(const struct seen_end *e, uint32_t index, uint32_t direction)
{
	const struct met_key key = { index, direction };
	struct met *m;

	HASH_FIND(hh, e->met, &key, sizeof(key), m);
	return m;
}

int joint_meet(struct joint *j, int end, const struct snapshot *snap)
{
	struct seen_end *e = &j->ends[end];

	for (size_t i = 0; i < snap->sessions_n; i++) {
		const struct session *s = &snap->sessions[i];
		const struct peer *p = inventory_peer_at(&snap->inventory, s->key.family, s->key.remote,
							 s->key.remote_port, s->key.local_port);
		struct met *m = met_find(e, s->key.index, s->key.direction);

		if (!p)
			continue;
		if (!m) {
			m = calloc(1, sizeof(*m));
			if (!m)
				return -ENOMEM;
			m->key = (struct met_key){ s->key.index, s->key.direction };
			m->first = s->value.counter_first;
			m->first_ms = s->value.first_ms;
			HASH_ADD(hh, e->met, key, sizeof(m->key), m);
		}
		m->tunnel_ifindex = p->tunnel_ifindex;
		memcpy(m->public_key, p->public_key, WG_KEY_LEN);
		if (s->value.counter_first < m->first)
			m->first = s->value.counter_first;
		if (s->value.counter_max > m->max)
			m->max = s->value.counter_max;
		if (s->value.last_ms > m->last_ms)
			m->last_ms = s->value.last_ms;
	}
	return 0;
}

/* The same session at the other end, where it goes the other way; their counters must have been the same. */
static struct met *counterpart(const struct seen_end *other, const struct met *m)
{
	struct met *o = met_find(other, m->key.index, m->key.direction == WIRE_TX ? WIRE_RX : WIRE_TX);

	return o && o->first <= m->max && m->first <= o->max ? o : NULL;
}

static bool is_of(const struct met *m, const struct met *tunnel)
{
	return m->tunnel_ifindex == tunnel->tunnel_ifindex && !memcmp(m->public_key, tunnel->public_key, WG_KEY_LEN);
}

/* A tunnel that both ends have, by one of its sessions at each. */
struct candidate {
	const struct met *at[JOINT_ENDS];
	uint64_t packets;
};

static void candidate_add(struct candidate *list, size_t *n, const struct met *here, const struct met *there)
{
	size_t i = 0;

	while (i < *n && !(is_of(here, list[i].at[0]) && is_of(there, list[i].at[1])))
		i++;
	if (i == CANDIDATES_MAX)
		return;
	if (i == *n)
		list[(*n)++] = (struct candidate){ .at = { here, there } };
	list[i].packets += here->max - here->first + 1;
}

/* A session that goes the same way at both was seen from one end. */
static bool is_one_end(const struct joint *j)
{
	struct met *m, *next, *o;

	HASH_ITER (hh, j->ends[0].met, m, next) {
		o = met_find(&j->ends[1], m->key.index, m->key.direction);
		if (o && !memcmp(m->public_key, o->public_key, WG_KEY_LEN))
			return true;
	}
	return false;
}

int joint_pair(struct joint *j)
{
	struct candidate list[CANDIDATES_MAX];
	const struct candidate *best = list;
	struct met *m, *next;
	size_t n = 0;

	if (is_one_end(j))
		return -EEXIST;
	HASH_ITER (hh, j->ends[0].met, m, next) {
		const struct met *o = counterpart(&j->ends[1], m);

		if (o)
			candidate_add(list, &n, m, o);
	}
	if (!n)
		return -ENOENT;
	for (size_t i = 1; i < n; i++)
		if (list[i].packets > best->packets)
			best = &list[i];
	for (int end = 0; end < JOINT_ENDS; end++) {
		struct joint_end *about = &j->ends[end].about;

		about->ifindex = best->at[end]->tunnel_ifindex;
		memcpy(about->peer_key, best->at[end]->public_key, WG_KEY_LEN);
		HASH_ITER (hh, j->ends[end].met, m, next)
			m->joined = is_of(m, best->at[end]) && counterpart(&j->ends[!end], m);
	}
	return 0;
}

static int session_enter(struct seen_end *e, const struct snapshot *snap, const struct session *s)
{
	struct met *m = met_find(e, s->key.index, s->key.direction);
	struct rise *rise;

	if (!m || !m->joined)
		return 0;
	if (m->entered_ms != snap->now_ms)
		m->received = 0;
	m->received += s->value.received;
	if (!m->entered_ms || s->value.counter_max > m->told_max) {
		rise = LIST_ADD(&e->rises[m->key.direction == WIRE_TX]);
		if (!rise)
			return -ENOMEM;
		*rise = (struct rise){ .ms = snap->now_ms,
				       .index = m->key.index,
				       .dated = snap->now_ms != e->first_ms,
				       .counter = s->value.counter_max };
		m->told_max = s->value.counter_max;
	}
	m->entered_ms = snap->now_ms;
	return 0;
}

static int sizes_enter(struct seen_end *e, const struct snapshot *snap, const struct link_counters *c)
{
	for (int d = 0; d < WIRE_DIRECTIONS; d++) {
		for (size_t slot = 0; e->has_before && slot < WIRE_SIZE_SLOTS; slot++) {
			uint64_t now = c->direction[d].sizes[slot], before = e->before[d].sizes[slot];
			struct sized *sized;

			if (now <= before) /* less: the programs were loaded again */
				continue;
			sized = LIST_ADD(&e->sized);
			if (!sized)
				return -ENOMEM;
			*sized = (struct sized){ snap->now_ms, slot, d, now - before };
		}
		e->before[d] = c->direction[d];
	}
	e->has_before = true;
	return 0;
}

static void keep_largest(uint32_t *largest, uint32_t mtu)
{
	if (mtu > *largest)
		*largest = mtu;
}

static void describe(struct joint_end *about, const struct snapshot *snap)
{
	const struct link *tunnel = inventory_link(&snap->inventory, about->ifindex);
	const struct peer *peer;

	if (!tunnel)
		return;
	memcpy(about->interface, tunnel->name, sizeof(about->interface));
	about->tunnel_mtu = tunnel->mtu;
	keep_largest(&about->tunnel_mtu_largest, tunnel->mtu);
	keep_largest(&about->route_mtu_largest, tunnel->mtu);
	keep_largest(&about->route_mtu_largest, tunnel->route_mtu_max);
	about->shared |= tunnel->peers_n > 1;
	peer = inventory_peer(&snap->inventory, about->ifindex, about->peer_key);
	if (peer)
		about->endpoint = peer->endpoint;
}

int joint_enter(struct joint *j, int end, const struct snapshot *snap)
{
	struct seen_end *e = &j->ends[end];
	int err = 0;

	if (snap->now_ms <= e->last_ms)
		return 0;
	if (!e->first_ms) {
		e->first_ms = snap->now_ms;
		e->first_realtime_ms = snap->realtime_ms;
	}
	e->last_ms = snap->now_ms;
	e->last_realtime_ms = snap->realtime_ms;
	describe(&e->about, snap);
	for (size_t i = 0; !err && i < snap->sessions_n; i++)
		err = session_enter(e, snap, &snap->sessions[i]);
	for (size_t i = 0; !err && i < snap->counters_n; i++)
		if (snap->counters[i].ifindex == e->about.ifindex)
			err = sizes_enter(e, snap, &snap->counters[i]);
	return err;
}

/* The end's own time of what a person is told. */
static msec_t clock_of(const struct seen_end *e, int64_t realtime_ms)
{
	return e->first_ms + (msec_t)(realtime_ms - e->first_realtime_ms);
}

static void found_opens(struct found *found, const struct seen_end *e, const struct finding *f)
{
	uint32_t stalled_ms = 0;

	found->opened_ms = clock_of(e, f->first_seen_ms);
	for (size_t i = 0; i < f->flows_n; i++)
		stalled_ms = f->flows[i].stalled_ms > stalled_ms ? f->flows[i].stalled_ms : stalled_ms;
	found->began_ms = found->opened_ms - stalled_ms;
	for (size_t i = 0; i < f->evidence_n; i++)
		if (f->evidence[i].kind == EVIDENCE_TCP_RETRANSMIT || f->evidence[i].kind == EVIDENCE_ECHO_LOST)
			found->tries += f->evidence[i].count;
}

/* The last one of each life, and how it was before it was resolved. */
int joint_found(struct joint *j, int end, const struct finding *f)
{
	struct seen_end *e = &j->ends[end];
	struct found *found = NULL;

	if (f->has_peer ? memcmp(f->public_key, e->about.peer_key, WG_KEY_LEN) != 0
			: strncmp(f->interface, e->about.interface, sizeof(f->interface)) != 0) {
		e->about.findings_elsewhere += f->state == FINDING_OPEN;
		return 0;
	}
	for (size_t i = 0; i < e->found.n; i++)
		if (!strcmp(e->found.at[i].f.id, f->id))
			found = &e->found.at[i];
	if (!found) {
		found = LIST_ADD(&e->found);
		if (!found)
			return -ENOMEM;
		*found = (struct found){ .f = *f };
		found_opens(found, e, f);
	}
	found->resolved = f->state == FINDING_RESOLVED;
	if (!found->resolved)
		found->f = *f;
	found->f.last_seen_ms = f->last_seen_ms;
	found->ended_ms = clock_of(e, f->last_seen_ms);
	return 0;
}
