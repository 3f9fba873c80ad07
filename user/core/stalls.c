// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The stalls of the ledgers: notes one, and when all flows of a snapshot are entered, judges how sure it is that the far host
 * was alive meanwhile. stalls_tx.c and stalls_rx.c find them.
 */
#include "stalls_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"

#define HEARD_BEFORE_MS 1000 /* the host was alive so shortly before that dying just then would be a coincidence */
#define ECHO_LATE_MS	2000 /* an answer so long after the last request in vain is of another time */

/* How much a stall says: tries of what never got through yet, and is small, are of a connection that never was. */
static uint32_t stall_says(const struct stall *s)
{
	return s->outer > LEDGER_SMALL || s->delivered_ms ? s->tries : 0;
}

/* The place for one that says so much. If there is no more, that of the one that says least; NULL: it is the one. */
static struct stall *stall_place(struct ledger *l, uint32_t says)
{
	struct stall *least = NULL;

	if (l->stalls_n < LEDGER_STALLS)
		return &l->stalls[l->stalls_n++];
	for (size_t i = 0; i < l->stalls_n; i++) {
		uint32_t other = stall_says(&l->stalls[i]);

		if (other < says) {
			says = other;
			least = &l->stalls[i];
		}
	}
	return least;
}

struct stall *stall_note(struct ledger *l, const struct stall *whole)
{
	struct stall *s;

	if (!l->stalls)
		l->stalls = calloc(LEDGER_STALLS, sizeof(*l->stalls));
	s = l->stalls ? stall_place(l, stall_says(whole)) : NULL;
	if (s)
		*s = *whole;
	return s;
}

struct stall *stall_add(struct ledger *l, const struct flow *f, const struct stall *found)
{
	struct stall whole = *found;

	whole.delivered_ms = f->tx_delivered_ms;
	whole.flow_first_ms = f->first_ms;
	whole.flow_heard_ms = f->last_rx_ms;
	whole.tag = f->tag;
	memcpy(whole.host, f->remote, 16);
	flow_endpoints(&whole.flow, f, l->direction);
	l->stalls_total++;
	return stall_note(l, &whole);
}

/* The far hosts of stalled flows, to find out once for all of them when each was last heard. */
struct host {
	struct {
		uint32_t tunnel_ifindex;
		uint8_t address[16];
	} key;
	msec_t heard_ms;
	msec_t echo_ms; /* when it last answered an echo request, of any size */
	UT_hash_handle hh;
};

static struct host *host_find(struct host *hosts, uint32_t tunnel_ifindex, const uint8_t address[16])
{
	struct host probe, *found;

	probe.key.tunnel_ifindex = tunnel_ifindex;
	memcpy(probe.key.address, address, 16);
	HASH_FIND(hh, hosts, &probe.key, sizeof(probe.key), found);
	return found;
}

static void hosts_free(struct host *hosts)
{
	struct host *h, *next;

	HASH_ITER (hh, hosts, h, next) {
		HASH_DEL(hosts, h);
		free(h);
	}
}

static int hosts_of_stalls(struct ledgers *ls, struct host **hosts)
{
	for (size_t i = 0; i < ls->list_n; i++) {
		for (size_t j = 0; j < ls->list[i]->stalls_n; j++) {
			const struct ledger *l = ls->list[i];
			struct host *h = host_find(*hosts, l->tunnel_ifindex, l->stalls[j].host);

			if (h)
				continue;
			h = calloc(1, sizeof(*h));
			if (!h)
				return -ENOMEM;
			h->key.tunnel_ifindex = l->tunnel_ifindex;
			memcpy(h->key.address, l->stalls[j].host, 16);
			HASH_ADD(hh, *hosts, key, sizeof(h->key), h);
		}
	}
	return 0;
}

static void stall_alive(struct stall *s, const struct ledger *l, msec_t host_ms, msec_t peer_ms)
{
	if (s->given_up || host_ms > s->last_ms)
		s->alive = ALIVE_HOST;
	else if (host_ms && host_ms + HEARD_BEFORE_MS >= s->first_ms)
		s->alive = ALIVE_UNTIL_THEN;
	else if (peer_ms > s->last_ms)
		s->alive = ALIVE_PEER;
	s->flow.stalled_ms = l->seen_ms - s->first_ms;
}

/*
 * An outage loses every try while it lasts, and when it is over the far side is heard at once, the next try comes seconds
 * later. Of the tries made between two times that the far side was heard, it can explain one run: the longest.
 */
static void stall_heard(struct ledgers *ls, struct stall *s, msec_t heard_ms)
{
	struct flow_memory *m = flow_memory_find(ls, s->tag);
	uint32_t silent;

	if (!m || s->given_up)
		return;
	if (m->trial_ms != s->first_ms || s->tries < m->seen_tries) {
		m->trial_ms = m->heard_ms = s->first_ms;
		m->heard_tries = m->seen_tries = m->silent_tries = m->runs_ended = 0;
	}
	silent = s->tries - m->heard_tries;
	if (silent < m->silent_tries)
		silent = m->silent_tries;
	if (heard_ms > m->heard_ms) {
		/* Whether the tries since the last snapshot came before or after that is not known: they count for both runs. */
		m->heard_ms = heard_ms;
		m->runs_ended += m->seen_tries > m->heard_tries;
		m->heard_tries = m->seen_tries;
		m->silent_tries = silent;
	}
	m->seen_tries = s->tries;
	s->tries_heard = m->tries_heard = s->tries - silent;
	s->runs = m->runs = m->runs_ended + (s->tries > m->heard_tries);
}

/* Those that are their host's own trouble say nothing of the path. */
static void stalls_sift(struct ledger *l, msec_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; l->direction == WIRE_TX && i < l->stalls_n; i++)
		ledger_odd_stalls(l, &l->stalls[i], now_ms);
	for (size_t i = 0; i < l->stalls_n; i++)
		if (l->direction != WIRE_TX || !ledger_is_odd(l, &l->stalls[i], now_ms))
			l->stalls[kept++] = l->stalls[i];
	l->stalls_n = kept;
}

static void earliest(msec_t *ms, msec_t other_ms)
{
	if (!*ms || other_ms < *ms)
		*ms = other_ms;
}

int stalls_judge(struct ledgers *ls, const struct snapshot *snap)
{
	struct host *hosts = NULL;
	int err;

	for (size_t i = 0; i < ls->list_n; i++) {
		stalls_given_up(ls->list[i], snap->now_ms);
		stalls_sift(ls->list[i], snap->now_ms);
	}
	err = hosts_of_stalls(ls, &hosts);
	for (size_t i = 0; hosts && !err && i < snap->flows_n; i++) {
		const struct flow *f = &snap->flows[i];
		struct host *h = host_find(hosts, f->ifindex, f->remote);

		if (!h)
			continue;
		if (f->rx_delivered_ms > h->heard_ms)
			h->heard_ms = f->rx_delivered_ms;
		if (flow_is_echo(f) && f->tx_delivered_ms > h->echo_ms)
			h->echo_ms = f->tx_delivered_ms;
	}
	for (size_t i = 0; !err && i < ls->list_n; i++) {
		struct ledger *l = ls->list[i];
		msec_t heard_ms = latest(l->last_heard_ms, ledger_delivered_ms(l, 1));

		l->stalled_ms = l->well_ms = 0;
		for (size_t j = 0; j < l->stalls_n; j++) {
			struct stall *s = &l->stalls[j];
			const struct host *h = host_find(hosts, l->tunnel_ifindex, s->host);
			msec_t host_ms = h->heard_ms;

			/* A host that answered no echo meanwhile says nothing by its silence: it may have been told to. */
			if (s->kind == EVIDENCE_ECHO_LOST)
				host_ms = s->given_up || h->echo_ms <= s->last_ms + ECHO_LATE_MS ? h->echo_ms : 0;
			stall_alive(s, l, host_ms, l->last_heard_ms);
			if (s->outer > LEDGER_SMALL && (l->direction == WIRE_TX || !s->given_up)) {
				earliest(&l->stalled_ms, l->direction == WIRE_RX ? s->well_ms : s->first_ms);
				earliest(&l->well_ms, s->flow_heard_ms < s->first_ms ? s->flow_heard_ms : s->first_ms);
			}
			if (l->direction == WIRE_TX)
				stall_heard(ls, s, host_ms > s->first_ms ? host_ms : heard_ms);
		}
	}
	hosts_free(hosts);
	return err;
}
