// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A step in the size ledger: packets above a size vanish, smaller ones pass. Every stalled flow of the path is a witness if its
 * size has not got through since it stalled (else its trouble is not size), if the far host was alive meanwhile (else it is
 * dead), and if plain loss would not do the same more than once in a year.
 */
#include "step_internal.h"

#include <string.h>

#include "order.h"
#include "outer.h"

#define PATH_MTU_USUAL_MIN    1280 /* bytes: few paths carry less, and none of IPv6 (RFC 8200, 5) */
#define POLICED_PART	      10 /* of large packets: paths that lose as much without regard to size are hardly used */
#define CONFIDENCE_HOST	      0.98
#define CONFIDENCE_UNTIL_THEN 0.8
#define CONFIDENCE_ALONE      0.7
#define CONFIDENCE_GAPS	      0.9 /* rx: the size is inferred from what was announced */
#define CONFIDENCE_SILENT     0.7 /* rx: and nothing but the hole speaks for it */

/* When that size last got through. rx: a stall's size includes the most that the peer may have padded. */
static msec_t size_ms(const struct ledger *l, const struct stall *s)
{
	return ledger_delivered_ms(l, l->direction == WIRE_RX ? s->outer - (OUTER_PADDING - 1) : s->outer);
}

static bool size_got_through(const struct ledger *l, const struct stall *s)
{
	/* A size given up was followed by deliveries of smaller ones only, whatever came before. */
	return size_ms(l, s) > s->first_ms;
}

bool step_passed_lately(const struct ledger *l, const struct stall *s)
{
	msec_t ms = size_ms(l, s);

	return ms && ms + LEDGER_WINDOW_MS > s->first_ms;
}

bool step_passed_before(const struct ledger *l, const struct stall *s)
{
	return step_passed_lately(l, s) && size_ms(l, s) > l->moved_ms;
}

/*
 * The tunnel's MTU was lowered meanwhile: this size cannot be sent any more. One given up was tried before that, maybe for it; and
 * what a connection's ends announced before that says nothing of what they send now. Or the path has been cured, or is another one,
 * and it has not been tried since. Or its sender makes smaller ones by now.
 */
static bool size_is_history(const struct ledger *l, const struct stall *s)
{
	msec_t since_ms = l->direction == WIRE_RX ? s->flow_first_ms : s->first_ms;

	if ((l->direction == WIRE_TX || s->given_up) && s->last_ms < latest(l->over_ms, l->moved_ms))
		return true;
	if (ledger_sends_less(l, s->outer, s->first_ms, s->flow_first_ms, &s->flow, 1))
		return true;
	return l->mtu_changed_ms && (s->given_up || since_ms < l->mtu_changed_ms) &&
	       s->outer > outer_size(l->tunnel_mtu, l->route_mtu_most, l->outer_family);
}

struct tried step_after_a_loss(const struct trials *t)
{
	return (struct tried){ t->again, t->retried };
}

struct tried step_tried_like(const struct ledger *l, const struct stall *s, const struct trials *large)
{
	struct tried t = { large->lost, large->delivered };
	struct trials smaller;

	if (s->given_up) {
		smaller = ledger_trials(l, s->smaller, s->last_ms);
		t.lost += smaller.lost;
		t.passed += (double)smaller.delivered * s->smaller / s->outer;
	}
	return t;
}

double step_policed_max(const struct trials *large, bool before)
{
	return before && large->lost > 1 && (uint64_t)large->lost * POLICED_PART > large->delivered
		       ? CHANCE_MAX * CHANCE_CHANGED
		       : CHANCE_MAX;
}

static bool is_suspect(const struct ledger *l, const struct stall *s)
{
	return l->direction == WIRE_TX ? step_suspect_tx(s) : step_suspect_rx(l, s);
}

/* Probes have shown that the host lives and that this size does not arrive, and nothing so large has arrived since. */
static bool probes_say_so(const struct ledger *l, const struct stall *s, msec_t now_ms)
{
	return l->probed_ms && now_ms - l->probed_ms <= LEDGER_WINDOW_MS && s->outer >= l->probed_dead_outer &&
	       ledger_delivered_ms(l, l->probed_dead_outer) <= l->probed_ms && is_suspect(l, s);
}

static bool same_service(const struct finding_flow *a, const struct finding_flow *b, enum wire_direction direction)
{
	const struct ip_endpoint *x = direction == WIRE_TX ? &a->destination : &a->source;
	const struct ip_endpoint *y = direction == WIRE_TX ? &b->destination : &b->source;

	return x->port == y->port && !memcmp(&x->ip, &y->ip, sizeof(x->ip));
}

/* What almost any path carries is sooner lost by one service that takes nothing, unless that befalls another as well. */
static bool is_plausible(const struct ledger *l, const struct stall *s)
{
	if (s->outer >= PATH_MTU_USUAL_MIN)
		return true;
	for (size_t i = 0; i < l->stalls_n; i++) {
		const struct stall *other = &l->stalls[i];

		if (other->outer > LEDGER_SMALL && other->outer < PATH_MTU_USUAL_MIN && other->tries >= TRIES_MIN &&
		    !same_service(&s->flow, &other->flow, l->direction))
			return true;
	}
	return false;
}

static bool is_witness(const struct ledger *l, const struct stall *s, msec_t now_ms)
{
	if (s->outer <= LEDGER_SMALL || size_is_history(l, s) || size_got_through(l, s) || !is_plausible(l, s))
		return false;
	if (probes_say_so(l, s, now_ms))
		return true;
	return l->direction == WIRE_TX ? step_witness_tx(l, s, now_ms) : step_witness_rx(l, s);
}

const struct stall *step_suspect(const struct ledger *l)
{
	for (size_t i = 0; i < l->stalls_n; i++) {
		const struct stall *s = &l->stalls[i];

		if (s->outer > LEDGER_SMALL && s->alive != ALIVE_NOT && !s->given_up && is_suspect(l, s) &&
		    !size_is_history(l, s) && !size_got_through(l, s))
			return s;
	}
	return NULL;
}

/* Keeps the flows that have been stalled longest. */
static void flow_add(struct verdict *v, const struct finding_flow *flow)
{
	size_t i = v->flows_n;

	while (i > 0 && v->flows[i - 1].stalled_ms < flow->stalled_ms)
		i--;
	if (i == FINDING_FLOWS_MAX)
		return;
	if (v->flows_n < FINDING_FLOWS_MAX)
		v->flows_n++;
	memmove(&v->flows[i + 1], &v->flows[i], (v->flows_n - i - 1) * sizeof(v->flows[0]));
	v->flows[i] = *flow;
}

/* Whether all flows are of one far host. */
static bool is_of_one_host(const struct ledger *l, const struct verdict *v)
{
	const struct ip_endpoint *first = l->direction == WIRE_TX ? &v->flows[0].destination : &v->flows[0].source;

	for (size_t i = 1; i < v->flows_n; i++) {
		const struct finding_flow *flow = &v->flows[i];
		const struct ip_endpoint *far = l->direction == WIRE_TX ? &flow->destination : &flow->source;

		if (memcmp(&far->ip, &first->ip, sizeof(far->ip)) != 0)
			return false;
	}
	return true;
}

static double stall_confidence(const struct ledger *l, const struct stall *s)
{
	if (l->direction == WIRE_RX)
		return s->alive >= ALIVE_PEER && s->lost >= TRIES_MIN ? CONFIDENCE_GAPS : CONFIDENCE_SILENT;
	return s->alive == ALIVE_HOST ? CONFIDENCE_HOST : CONFIDENCE_UNTIL_THEN;
}

static void witness_add(const struct ledger *l, const struct stall *s, struct verdict *v)
{
	double confidence = stall_confidence(l, s);

	if (!v->upper || s->outer < v->upper)
		v->upper = s->outer;
	if (!v->first_ms || s->first_ms < v->first_ms)
		v->first_ms = s->first_ms;
	v->latest_ms = latest(v->latest_ms, s->first_ms);
	v->connected_ms = latest(v->connected_ms, s->flow_first_ms);
	if (l->direction == WIRE_TX)
		v->last_ms = latest(v->last_ms, s->last_ms);
	if (confidence > v->confidence)
		v->confidence = confidence;
	if (s->kind == EVIDENCE_TCP_SILENCE) {
		verdict_evidence(v, EVIDENCE_TCP_SILENCE, 1, s->outer);
		verdict_evidence(v, EVIDENCE_COUNTER_GAP, s->lost, 0);
	} else {
		verdict_evidence(v, s->kind, s->tries ? s->tries : 1, s->outer);
	}
	flow_add(v, &s->flow);
}

bool step_find(const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	const struct stall *last = NULL;

	memset(v, 0, sizeof(*v));
	for (size_t i = 0; i < l->stalls_n; i++) {
		if (!is_witness(l, &l->stalls[i], now_ms))
			continue;
		last = &l->stalls[i];
		witness_add(l, last, v);
	}
	if (!last)
		return false;
	/* A size that did get through: it may be the flows that died, forgotten by a firewall, or their port; or one host's link. */
	if (step_passed_lately(l, last) && !probes_say_so(l, last, now_ms)) {
		v->doubtful = l->direction == WIRE_TX;
		if (is_of_one_host(l, v) && v->confidence > CONFIDENCE_ALONE)
			v->confidence = CONFIDENCE_ALONE;
	}
	/* What got through before may have been on another path. */
	v->lower = ledger_delivered_below(l, v->upper, v->first_ms + SENT_BEFORE_MS);
	if (v->lower)
		verdict_evidence(v, EVIDENCE_DELIVERED, 1, v->lower);
	return true;
}

/* Fragments are made above the smaller of what the link takes and what the kernel has learned. */
static uint32_t fragmentation_begins(const struct ledger *l)
{
	if (l->learned_mtu && (!l->egress_mtu || l->learned_mtu < l->egress_mtu))
		return l->learned_mtu;
	return l->egress_mtu;
}

bool step_is_at_fragments(const struct ledger *l, const struct verdict *v)
{
	uint32_t limit = fragmentation_begins(l);

	if (l->direction == WIRE_RX)
		return ledger_subject(l, WIRE_TALLY_FRAGMENT_RX, -1, v->first_ms);
	if (limit && (v->lower > limit || v->upper <= limit))
		return false;
	return ledger_subject(l, WIRE_TALLY_FRAGMENTED, -1, v->first_ms) ||
	       ledger_subject(l, WIRE_TALLY_FRAGMENT_TX, -1, v->first_ms);
}
