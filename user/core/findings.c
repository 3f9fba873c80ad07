// SPDX-License-Identifier: GPL-2.0-or-later
/* The life of findings; see findings.h. */
#include "findings_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"
#include "outer.h"
#include "prober.h"
#include "recommend.h"

#define UPDATE_MIN_MS 1000  /* not more often: a bracket may narrow with every packet */
#define PROBES_MAX_MS 10000 /* so long a finding that waits for its probes is held back */
#define PATH_GONE_MS  10000 /* peer or tunnel gone for so long: nobody is just restarting it */

struct findings {
	struct living *living;
	size_t n, cap;
	bool probes;   /* are allowed */
	size_t opened; /* since the start */
	enum finding_severity worst;
};

struct findings *findings_new(void)
{
	return calloc(1, sizeof(struct findings));
}

void findings_free(struct findings *fs)
{
	if (fs)
		free(fs->living);
	free(fs);
}

void findings_allow_probes(struct findings *fs)
{
	fs->probes = true;
}

size_t findings_each(const struct findings *fs, bool untold, finding_fn fn, void *arg)
{
	size_t n = 0;

	for (size_t i = 0; i < fs->n; i++) {
		if (!fs->living[i].told && !untold)
			continue;
		n++;
		if (fn)
			fn(&fs->living[i].f, arg);
	}
	return n;
}

size_t findings_opened(const struct findings *fs, enum finding_severity *worst)
{
	*worst = fs->worst;
	return fs->opened;
}

static bool is_of_peer(const struct living *it, const struct ledger *l)
{
	return it->tunnel_ifindex == l->tunnel_ifindex && !memcmp(it->f.public_key, l->public_key, WG_KEY_LEN);
}

static struct living *living_find(struct findings *fs, const struct ledger *l, enum finding_class class)
{
	for (size_t i = 0; i < fs->n; i++) {
		struct living *it = &fs->living[i];

		if (it->f.class == class && is_of_peer(it, l) && it->f.direction == l->direction &&
		    it->f.has_peer == l->has_peer)
			return it;
	}
	return NULL;
}

static void path_describe(struct living *it, const struct snapshot *snap, const struct ledger *l)
{
	const struct link *tunnel = inventory_link(&snap->inventory, l->tunnel_ifindex);
	const struct peer *peer =
		l->has_peer ? inventory_peer(&snap->inventory, l->tunnel_ifindex, l->public_key) : NULL;

	it->f.outer_family = l->outer_family;
	if (tunnel) {
		memcpy(it->f.interface, tunnel->name, sizeof(it->f.interface));
		it->f.tunnel_mtu = tunnel->mtu;
	}
	if (peer) {
		it->changed |= memcmp(&it->f.endpoint, &peer->endpoint, sizeof(peer->endpoint)) != 0;
		it->f.endpoint = peer->endpoint;
		finding_describe_networks(&it->f, &snap->inventory, peer);
	}
}

/* Narrows the bracket by the verdict; what contradicts it is older and gives way. */
static void bracket_merge(struct finding *f, const struct ledger *l, const struct verdict *v, msec_t evidence_ms)
{
	uint32_t upper = v->upper, lower = v->lower;
	bool moved = l->moved_ms > evidence_ms;

	if (!moved && f->path_mtu_upper && (f->path_mtu_upper < upper || !upper) &&
	    ledger_delivered_ms(l, f->path_mtu_upper) < evidence_ms)
		upper = f->path_mtu_upper;
	if (!moved && f->path_mtu_lower > lower && (f->path_mtu_lower < upper || !upper))
		lower = f->path_mtu_lower;
	f->path_mtu_upper = upper;
	f->path_mtu_lower = lower < upper || !upper ? lower : 0;
	f->path_mtu_exact = false;
}

/* Later traffic has shown what the probes did not: the path is another one. */
static bool probe_is_refuted(const struct living *it, const struct ledger *l, const struct verdict *v)
{
	return (v->upper && v->upper <= it->probe.lower && v->first_ms > it->probed_ms) ||
	       (it->probe.upper && ledger_delivered_ms(l, it->probe.upper) > it->probed_ms);
}

/* What probes have shown, or are about to, is of another path. */
static void probe_forget(struct living *it)
{
	it->probing_ms = it->probed_ms = 0;
	it->f.to_probe = it->f.has_peer && finding_class_vanishes(it->f.class) && it->f.probes < PROBER_BUDGET;
}

/* Narrows the bracket by what probes have shown, and adds them to the evidence. */
static void probe_apply(struct living *it)
{
	const struct finding_probe *p = &it->probe;
	struct finding *f = &it->f;

	if (p->upper && (!f->path_mtu_upper || p->upper < f->path_mtu_upper))
		f->path_mtu_upper = p->upper;
	if (f->path_mtu_upper && f->path_mtu_lower >= f->path_mtu_upper)
		f->path_mtu_lower = p->lower; /* what arrived before the path changed */
	if (p->lower > f->path_mtu_lower && (!f->path_mtu_upper || p->lower < f->path_mtu_upper))
		f->path_mtu_lower = p->lower;
	f->path_mtu_exact = p->exact && f->path_mtu_lower == p->lower && f->path_mtu_upper == p->upper;
	if (f->evidence_n == FINDING_EVIDENCE_MAX)
		f->evidence_n--;
	f->evidence[f->evidence_n++] = (struct evidence){
		.kind = EVIDENCE_PROBE, .count = p->count, .min_size = p->size_min, .max_size = p->size_max
	};
}

/* A recommendation that the probes have proven is theirs. */
static void probe_recommend(struct living *it)
{
	if (it->probed_ms && it->f.basis == BASIS_BRACKET && it->f.path_mtu_lower == it->probe.lower)
		it->f.basis = BASIS_PROBE;
}

/*
 * The largest outer size that may be counted on: what the verdict says, a usual path's or what was proven of this one, and what
 * a hole of the same peer leaves.
 */
static uint32_t path_limit(const struct findings *fs, const struct ledger *l, const struct verdict *v, msec_t now_ms,
			   enum finding_basis *basis)
{
	uint32_t limit = ledger_delivered_below(l, 0, now_ms > LEDGER_WINDOW_MS ? now_ms - LEDGER_WINDOW_MS : 1);

	*basis = BASIS_BRACKET;
	if (limit < INTERNET_MTU)
		limit = INTERNET_MTU;
	if (v->limit && v->limit <= limit) {
		limit = v->limit;
		*basis = v->basis;
	}
	for (size_t i = 0; i < fs->n; i++) {
		const struct finding *hole = &fs->living[i].f;
		uint32_t safe = hole->recommended_mtu + outer_overhead(l->outer_family);

		if (!is_of_peer(&fs->living[i], l) || !finding_class_vanishes(hole->class) || safe >= limit)
			continue;
		limit = safe;
		*basis = hole->basis;
	}
	return limit;
}

static void verdict_take(const struct findings *fs, struct living *it, const struct snapshot *snap,
			 const struct ledger *l, const struct verdict *v)
{
	uint32_t lower = it->f.path_mtu_lower, upper = it->f.path_mtu_upper, mtu = it->f.recommended_mtu, limit;
	enum finding_basis basis;

	bracket_merge(&it->f, l, v, it->evidence_ms);
	it->f.confidence = v->confidence;
	it->f.evidence_n = v->evidence_n;
	memcpy(it->f.evidence, v->evidence, sizeof(v->evidence));
	it->f.flows_n = v->flows_n;
	memcpy(it->f.flows, v->flows, sizeof(v->flows));
	it->f.last_seen_ms = snap->realtime_ms;
	it->evidence_ms = latest(it->evidence_ms, v->last_ms ? v->last_ms : snap->now_ms);
	it->stalled_ms = v->latest_ms;
	it->connected_ms = v->connected_ms;
	it->f.host = v->host;
	it->changed |= it->f.hop_mtu != v->hop_mtu || it->f.hop_refused != v->hop_refused;
	it->f.hop_mtu = v->hop_mtu;
	it->f.hop = v->hop;
	it->f.hop_refused = v->hop_refused;
	if (it->probing_ms && (l->moved_ms > it->probing_ms || (it->probed_ms && probe_is_refuted(it, l, v))))
		probe_forget(it);
	if (it->probed_ms)
		probe_apply(it);
	limit = path_limit(fs, l, v, snap->now_ms, &basis);
	recommend_mtu(&it->f, limit, basis);
	probe_recommend(it);
	recommend_fix(&it->f);
	if (lower != it->f.path_mtu_lower || upper != it->f.path_mtu_upper || mtu != it->f.recommended_mtu)
		it->changed = true;
}

static struct living *living_open(struct findings *fs, const struct snapshot *snap, const struct ledger *l,
				  enum finding_class class)
{
	struct living *it;

	if (fs->n == fs->cap) {
		size_t cap = fs->cap ? 2 * fs->cap : 8;

		it = realloc(fs->living, cap * sizeof(*it));
		if (!it)
			return NULL;
		fs->living = it;
		fs->cap = cap;
	}
	it = &fs->living[fs->n++];
	*it = (struct living){ .tunnel_ifindex = l->tunnel_ifindex, .opened_ms = snap->now_ms };
	it->f.class = class;
	it->f.severity = finding_class_severity(class);
	it->f.direction = l->direction;
	it->f.has_peer = l->has_peer;
	memcpy(it->f.public_key, l->public_key, WG_KEY_LEN);
	it->f.first_seen_ms = snap->realtime_ms;
	probe_forget(it);
	finding_id_make(&it->f, l->tunnel_ifindex, snap->now_ms);
	return it;
}

static void tell(struct living *it, enum finding_state state, msec_t now_ms, const struct listener *to)
{
	it->f.state = state;
	it->told_ms = now_ms;
	it->changed = false;
	recommend_message(&it->f);
	if (to->fn)
		to->fn(&it->f, to->arg);
}

/* Opens it for those who listen, or says what has changed. */
static void tell_news(struct findings *fs, struct living *it, msec_t now_ms, const struct listener *to)
{
	if (it->told) {
		tell(it, FINDING_UPDATE, now_ms, to);
		return;
	}
	it->told = true;
	fs->opened++;
	if (it->f.severity > fs->worst)
		fs->worst = it->f.severity;
	tell(it, FINDING_OPEN, now_ms, to);
}

static bool waited_for_probes(const struct living *it, msec_t now_ms)
{
	return now_ms - it->opened_ms >= PROBES_MAX_MS;
}

static bool waits_for_probes(const struct findings *fs, const struct living *it, const struct verdict *v, msec_t now_ms)
{
	return fs->probes && v->doubtful && finding_class_vanishes(it->f.class) && !it->f.probes &&
	       !waited_for_probes(it, now_ms);
}

static void update(struct living *it, msec_t now_ms, const struct listener *to)
{
	if (it->told && it->changed && now_ms - it->told_ms >= UPDATE_MIN_MS)
		tell(it, FINDING_UPDATE, now_ms, to);
}

static void resolve(struct findings *fs, struct living *it, const struct snapshot *snap, const struct listener *to)
{
	it->f.last_seen_ms = snap->realtime_ms;
	if (it->told)
		tell(it, FINDING_RESOLVED, snap->now_ms, to);
	*it = fs->living[--fs->n];
}

/* Something critical is known of the peer: a warning about the same would be the same cause twice. */
static bool is_overshadowed(const struct findings *fs, const struct ledger *l, enum finding_class class)
{
	for (size_t i = 0; i < fs->n; i++) {
		const struct living *it = &fs->living[i];

		if (!is_of_peer(it, l))
			continue;
		if (finding_class_severity(class) == SEVERITY_WARNING && it->f.severity == SEVERITY_CRITICAL &&
		    class != FINDING_PTB_FORGED)
			return true;
		/* What vanishes is one thing, by whatever means. */
		if (it->f.direction == l->direction && finding_class_vanishes(it->f.class) &&
		    finding_class_vanishes(class))
			return true;
	}
	return false;
}

/* Whether nobody has tried in vain since the last verdict: then there may have been a cure. */
static bool is_old_news(const struct living *it, const struct verdict *v)
{
	return !v || (v->last_ms && v->last_ms <= it->evidence_ms);
}

bool findings_know(const struct findings *fs, const struct ledger *l)
{
	return is_overshadowed(fs, l, FINDING_PATH_BLACKHOLE);
}

int findings_verdict(struct findings *fs, const struct snapshot *snap, struct ledger *l, enum finding_class class,
		     const struct verdict *v, const struct listener *to)
{
	struct living *it = living_find(fs, l, class);

	if (it && is_old_news(it, v)) {
		path_describe(it, snap, l);
		if (living_is_over(it, l, snap->now_ms) || (!v && !it->told && waited_for_probes(it, snap->now_ms))) {
			resolve(fs, it, snap, to);
			l->over_ms = snap->now_ms;
			l->hole_ms = l->hole_sent_ms = 0;
			l->hole_outer = 0;
			return 0;
		}
	}
	if (!v) {
		if (it)
			update(it, snap->now_ms, to);
		return 0;
	}
	if (!it && is_overshadowed(fs, l, class))
		return 0;
	if (!it)
		it = living_open(fs, snap, l, class);
	if (!it)
		return -ENOMEM;
	path_describe(it, snap, l);
	verdict_take(fs, it, snap, l, v);
	if (it->f.severity == SEVERITY_CRITICAL && !l->hole_ms)
		l->hole_ms = v->first_ms;
	if (finding_class_vanishes(class))
		l->hole_outer = it->f.path_mtu_upper;
	it->f.doubtful = !it->told && waits_for_probes(fs, it, v, snap->now_ms);
	if (it->told)
		update(it, snap->now_ms, to);
	else if (!it->f.doubtful)
		tell_news(fs, it, snap->now_ms, to);
	return 0;
}

static struct ledger *living_ledger(struct ledgers *ls, const struct living *it)
{
	struct ledger *l;

	for (size_t i = 0; (l = ledgers_at(ls, i)); i++)
		if (l->tunnel_ifindex == it->tunnel_ifindex && l->direction == it->f.direction &&
		    l->has_peer == it->f.has_peer && !memcmp(l->public_key, it->f.public_key, WG_KEY_LEN))
			return l;
	return NULL;
}

static struct living *living_of_id(struct findings *fs, const char *id)
{
	for (size_t i = 0; i < fs->n; i++)
		if (!strcmp(fs->living[i].f.id, id))
			return &fs->living[i];
	return NULL;
}

void findings_probing(struct findings *fs, const char *id, msec_t now_ms)
{
	struct living *it = living_of_id(fs, id);

	if (!it)
		return;
	it->probing_ms = now_ms;
	it->f.to_probe = false;
}

void findings_probes_sent(struct findings *fs, const char *id, uint32_t count)
{
	struct living *it = living_of_id(fs, id);

	if (!it)
		return;
	it->f.probes += count;
	it->f.to_probe = it->f.to_probe && it->f.probes < PROBER_BUDGET;
}

void findings_probed(struct findings *fs, struct ledgers *ls, const char *id, const struct finding_probe *probe,
		     msec_t now_ms, const struct listener *to)
{
	struct living *it = living_of_id(fs, id);
	struct ledger *l = it ? living_ledger(ls, it) : NULL;

	if (!l)
		return;
	if (!it->probing_ms || l->moved_ms > it->probing_ms) {
		probe_forget(it);
		return;
	}
	if (it->f.path_mtu_upper && probe->lower >= it->f.path_mtu_upper) {
		/* A delivery like any other: it refutes what was thought to be lost. */
		ledger_deliver(l, probe->lower, now_ms);
		if (!probe->upper)
			return;
		/* But there is a hole, higher up. */
		it->f.path_mtu_upper = probe->upper;
	}
	it->probe = *probe;
	it->probed_ms = now_ms;
	probe_apply(it);
	recommend_mtu(&it->f, 0, BASIS_BRACKET);
	probe_recommend(it);
	recommend_fix(&it->f);
	tell_news(fs, it, now_ms, to);
}

static bool path_exists(const struct living *it, const struct snapshot *snap)
{
	return inventory_link(&snap->inventory, it->tunnel_ifindex) &&
	       (!it->f.has_peer || inventory_peer(&snap->inventory, it->tunnel_ifindex, it->f.public_key));
}

void findings_sweep(struct findings *fs, const struct snapshot *snap, const struct listener *to)
{
	for (size_t i = fs->n; i-- > 0;) {
		struct living *it = &fs->living[i];
		bool exists = path_exists(it, snap);

		if (exists)
			it->path_ms = snap->now_ms;
		if (exists ? snap->now_ms - it->evidence_ms <= FORGET_MS : snap->now_ms - it->path_ms < PATH_GONE_MS)
			continue;
		resolve(fs, it, snap, to);
	}
}
