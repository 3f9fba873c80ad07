// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The findings of both ends as those of the tunnel. What vanishes on one way is one cause: the sender sees segments that
 * nobody acknowledges, the receiver a hole, and both recordings together which sizes left and did not come.
 */
#include "joint_internal.h"

#include <stdio.h>
#include <string.h>

#include "outer.h"
#include "recommend.h"

#define CONFIDENCE_SIZES 0.99 /* of sizes sent and not received */
#define CONFIDENCE_MOST	 0.99

/* One way's finding while it is put together. It is over as soon as either end says so. */
struct merged {
	struct finding f;
	bool found, resolved;
	int64_t over_ms;	  /* when it was resolved, on the first end's clock */
	bool over_at[JOINT_ENDS]; /* the ends that say so */
};

/* As the first end would say it. */
static struct finding mirrored(const struct finding *f, const struct joint_end *first)
{
	struct finding m = *f;

	m.direction = f->direction == WIRE_TX ? WIRE_RX : WIRE_TX;
	m.has_peer = true;
	memcpy(m.interface, first->interface, sizeof(m.interface));
	memcpy(m.public_key, first->peer_key, WG_KEY_LEN);
	m.endpoint = first->endpoint;
	m.tunnel_mtu = first->tunnel_mtu_largest;
	m.networks_n = 0;
	return m;
}

static void evidence_merge(struct finding *f, const struct evidence *e)
{
	size_t i = 0;

	while (i < f->evidence_n && f->evidence[i].kind != e->kind)
		i++;
	if (i == FINDING_EVIDENCE_MAX)
		return;
	if (i == f->evidence_n) {
		f->evidence[f->evidence_n++] = *e;
		return;
	}
	if (e->count > f->evidence[i].count)
		f->evidence[i].count = e->count;
	if (e->min_size && (!f->evidence[i].min_size || e->min_size < f->evidence[i].min_size))
		f->evidence[i].min_size = e->min_size;
	if (e->max_size > f->evidence[i].max_size)
		f->evidence[i].max_size = e->max_size;
}

static bool same_endpoint(const struct ip_endpoint *a, const struct ip_endpoint *b)
{
	return a->port == b->port && !memcmp(&a->ip, &b->ip, sizeof(a->ip));
}

/* Both ends list the same connections. */
static void flow_merge(struct finding *f, const struct finding_flow *flow)
{
	for (size_t i = 0; i < f->flows_n; i++)
		if (f->flows[i].protocol == flow->protocol && same_endpoint(&f->flows[i].source, &flow->source) &&
		    same_endpoint(&f->flows[i].destination, &flow->destination))
			return;
	if (f->flows_n < FINDING_FLOWS_MAX)
		f->flows[f->flows_n++] = *flow;
}

/* Two brackets of one path: what both allow; of two that contradict each other the first. */
static void bracket_merge(struct finding *f, uint32_t lower, uint32_t upper)
{
	uint32_t least = f->path_mtu_upper && (!upper || f->path_mtu_upper < upper) ? f->path_mtu_upper : upper;
	uint32_t most = f->path_mtu_lower > lower ? f->path_mtu_lower : lower;

	if (least && most >= least)
		return;
	f->path_mtu_exact = f->path_mtu_exact && f->path_mtu_lower == most && f->path_mtu_upper == least;
	f->path_mtu_lower = most;
	f->path_mtu_upper = least;
}

/* Independent witnesses of the same. */
static void confidence_merge(struct finding *f, double confidence)
{
	f->confidence = 1 - (1 - f->confidence) * (1 - confidence);
	if (f->confidence > CONFIDENCE_MOST)
		f->confidence = CONFIDENCE_MOST;
}

static void merge(struct merged *m, const struct finding *f)
{
	if (!m->found) {
		m->found = true;
		m->f = *f;
		return;
	}
	if (f->class > m->f.class) /* fragments say more than that something vanishes */
		m->f.class = f->class;
	bracket_merge(&m->f, f->path_mtu_lower, f->path_mtu_upper);
	confidence_merge(&m->f, f->confidence);
	for (size_t i = 0; i < f->evidence_n; i++)
		evidence_merge(&m->f, &f->evidence[i]);
	for (size_t i = 0; i < f->flows_n; i++)
		flow_merge(&m->f, &f->flows[i]);
	if (f->first_seen_ms < m->f.first_seen_ms)
		m->f.first_seen_ms = f->first_seen_ms;
	if (f->last_seen_ms > m->f.last_seen_ms)
		m->f.last_seen_ms = f->last_seen_ms;
}

/* What no end by itself has noticed. */
static void find_by_sizes(const struct joint *j, const struct joint_result *result, int from, struct merged *m)
{
	const struct joint_end *first = &result->ends[0], *sender = &result->ends[from];
	const struct joint_way *w = &result->ways[from];
	struct finding *f = &m->f;

	memset(m, 0, sizeof(*m));
	m->found = true;
	m->resolved = sender->tunnel_mtu + outer_overhead(sender->endpoint.ip.family) < w->upper;
	f->class = FINDING_PATH_BLACKHOLE;
	f->direction = from ? WIRE_RX : WIRE_TX;
	f->has_peer = true;
	memcpy(f->interface, first->interface, sizeof(f->interface));
	memcpy(f->public_key, first->peer_key, WG_KEY_LEN);
	f->endpoint = first->endpoint;
	f->outer_family = sender->endpoint.ip.family;
	f->tunnel_mtu = first->tunnel_mtu_largest;
	f->confidence = CONFIDENCE_SIZES;
	f->path_mtu_lower = w->lower;
	f->path_mtu_upper = w->upper;
	f->first_seen_ms = j->ends[0].first_realtime_ms;
	f->last_seen_ms = j->ends[0].last_realtime_ms;
	finding_id_make(f, first->ifindex, 1 + from);
}

static void add_sizes(const struct joint *j, const struct joint_result *result, int from, struct merged *m)
{
	const struct joint_way *w = &result->ways[from];
	const struct evidence lost = {
		.kind = EVIDENCE_COUNTER_GAP, .count = w->vanished, .min_size = w->upper, .max_size = w->largest
	};
	const struct evidence delivered = {
		.kind = EVIDENCE_DELIVERED, .count = 1, .min_size = w->lower, .max_size = w->lower
	};

	if (!w->vanished)
		return;
	if (m->found) {
		bracket_merge(&m->f, w->lower, w->upper);
		confidence_merge(&m->f, CONFIDENCE_SIZES);
	} else {
		find_by_sizes(j, result, from, m);
	}
	evidence_merge(&m->f, &lost);
	evidence_merge(&m->f, &delivered);
}

static int64_t common_ms(const struct joint *j, int end, msec_t ms)
{
	return (int64_t)ms - (end ? j->offset_ms : 0);
}

/* The next of one way's findings, as they were told; NULL: there are no more. `at`: in the list of each end. */
static const struct found *next_of_way(const struct joint *j, int from, size_t at[JOINT_ENDS], int *end)
{
	const struct found *next = NULL;

	for (int e = 0; e < JOINT_ENDS; e++) {
		enum wire_direction direction = e == from ? WIRE_TX : WIRE_RX;
		const struct found *f = j->ends[e].found.at, *last = f + j->ends[e].found.n;

		for (f += at[e]; f < last; f++, at[e]++)
			if (finding_class_vanishes(f->f.class) && f->f.direction == direction)
				break;
		if (f == last || (next && common_ms(j, e, f->opened_ms) >= common_ms(j, *end, next->opened_ms)))
			continue;
		next = f;
		*end = e;
	}
	if (next)
		at[*end]++;
	return next;
}

/* Whether it is of another time than what has been put together so far. */
static bool is_another(const struct joint *j, const struct merged *m, const struct found *found, int end)
{
	return m->resolved && (m->over_at[end] || common_ms(j, end, found->began_ms) > m->over_ms);
}

static void found_merge(const struct joint *j, const struct joint_result *result, const struct found *found, int end,
			struct merged *m)
{
	const struct finding f = end ? mirrored(&found->f, &result->ends[0]) : found->f;
	int64_t over_ms = common_ms(j, end, found->ended_ms);

	merge(m, &f);
	if (!found->resolved)
		return;
	if (!m->resolved || over_ms < m->over_ms)
		m->over_ms = over_ms;
	m->resolved = m->over_at[end] = true;
}

/* What is to be done at the other end. */
static void fixes_elsewhere(struct finding *f)
{
	for (size_t i = 0; i < f->fixes_n; i++) {
		char fix[FINDING_FIX_LEN];

		memcpy(fix, f->fix[i], sizeof(fix));
		snprintf(f->fix[i], sizeof(f->fix[i]), "# on the other end: %.*s", (int)sizeof(fix) - 22,
			 fix[0] == '#' ? fix + 2 : fix);
	}
}

static void message_elsewhere(struct finding *f)
{
	char was[FINDING_MESSAGE_LEN];

	memcpy(was, f->message, sizeof(was));
	snprintf(f->message, sizeof(f->message), "At the other end: %.*s", (int)sizeof(was) - 20, was);
}

static void tell(struct finding *f, bool resolved, bool there, finding_fn fn, void *arg)
{
	if (there)
		fixes_elsewhere(f);
	for (int i = 0; i < (resolved ? 2 : 1); i++) {
		f->state = i ? FINDING_RESOLVED : FINDING_OPEN;
		recommend_message(f);
		if (there)
			message_elsewhere(f);
		fn(f, arg);
	}
}

static void way_tell(struct merged *m, finding_fn fn, void *arg)
{
	m->f.severity = finding_class_severity(m->f.class);
	recommend_mtu(&m->f, 0, BASIS_BRACKET);
	recommend_fix(&m->f);
	tell(&m->f, m->resolved, false, fn, arg);
}

/* What vanishes on one way: one finding as long as it lasts. The sizes are of all that time, and so of one alone. */
static size_t way_findings(const struct joint *j, const struct joint_result *result, int from, finding_fn fn, void *arg)
{
	size_t at[JOINT_ENDS] = { 0 }, n = 0;
	const struct found *found;
	struct merged m = { 0 };
	int end = 0;

	while ((found = next_of_way(j, from, at, &end))) {
		if (is_another(j, &m, found, end)) {
			way_tell(&m, fn, arg);
			memset(&m, 0, sizeof(m));
			n++;
		}
		found_merge(j, result, found, end, &m);
	}
	if (!n)
		add_sizes(j, result, from, &m);
	if (m.found) {
		way_tell(&m, fn, arg);
		n++;
	}
	return n;
}

static enum finding_severity worst_of(const struct joint *j)
{
	enum finding_severity worst = SEVERITY_INFO;

	for (int end = 0; end < JOINT_ENDS; end++)
		for (size_t i = 0; i < j->ends[end].found.n; i++)
			if (j->ends[end].found.at[i].f.severity > worst)
				worst = j->ends[end].found.at[i].f.severity;
	return worst;
}

size_t joint_findings(struct joint *j, const struct joint_result *result, finding_fn fn, void *arg,
		      enum finding_severity *worst)
{
	size_t n = 0;

	*worst = worst_of(j);
	for (int from = 0; from < JOINT_ENDS; from++)
		n += way_findings(j, result, from, fn, arg);
	if (n)
		*worst = SEVERITY_CRITICAL;
	for (int end = 0; end < JOINT_ENDS; end++) {
		for (size_t i = 0; i < j->ends[end].found.n; i++) {
			struct found *found = &j->ends[end].found.at[i];

			/* Where something critical is known of the tunnel, a warning is the same cause twice. */
			if (finding_class_vanishes(found->f.class) ||
			    (found->f.severity == SEVERITY_WARNING && *worst == SEVERITY_CRITICAL &&
			     found->f.class != FINDING_PTB_FORGED))
				continue;
			tell(&found->f, found->resolved, end, fn, arg);
			n++;
		}
	}
	return n;
}
