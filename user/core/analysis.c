// SPDX-License-Identifier: GPL-2.0-or-later
/* The pure pipeline: snapshot -> ledgers -> detectors -> findings. */
#include "analysis.h"

#include <stdlib.h>
#include <string.h>

#include "detect/detect.h"
#include "detect/step.h"
#include "findings.h"
#include "ledger.h"

#define LOSS_MEMORY_MS	 60000 /* as long as evidence counts: what was lost meanwhile may have said otherwise */
#define CONFIDENCE_LOSSY 0.9   /* … by so much */

static const struct {
	enum finding_class class;
	detect_fn fn;
} DETECTORS[] = {
#define DETECTOR(name, class) { class, detect_##name },
#include "detect/detectors.def"
#undef DETECTOR
};

struct analysis {
	struct ledgers *ledgers;
	struct findings *findings;
	msec_t last_ms;
	uint64_t losses; /* sum of all counters of the last snapshot */
	msec_t loss_ms;	 /* when it last grew, 0: never */
};

struct analysis *analysis_new(void)
{
	struct analysis *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->ledgers = ledgers_new();
	a->findings = findings_new();
	if (!a->ledgers || !a->findings) {
		analysis_free(a);
		return NULL;
	}
	return a;
}

void analysis_free(struct analysis *a)
{
	if (!a)
		return;
	ledgers_free(a->ledgers);
	findings_free(a->findings);
	free(a);
}

static void losses_enter(struct analysis *a, const struct snapshot *snap)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < WIRE_LOSSES; i++)
		sum += snap->losses[i];
	if (sum != a->losses)
		a->loss_ms = snap->now_ms;
	a->losses = sum;
}

/* What one detector says of one path, in doubt where something was lost. */
static bool ask(const struct analysis *a, detect_fn detect, const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	if (!detect(l, now_ms, v))
		return false;
	if (a->loss_ms && now_ms - a->loss_ms <= LOSS_MEMORY_MS)
		v->confidence *= CONFIDENCE_LOSSY;
	return true;
}

int analysis_step(struct analysis *a, const struct snapshot *snap, finding_fn fn, void *arg)
{
	const struct listener to = { fn, arg };
	struct ledger *l;
	int err;

	if (snap->now_ms <= a->last_ms)
		return 0;
	a->last_ms = snap->now_ms;
	losses_enter(a, snap);
	err = ledgers_step(a->ledgers, snap);
	for (size_t i = 0; !err && (l = ledgers_at(a->ledgers, i)); i++) {
		for (size_t d = 0; !err && d < sizeof(DETECTORS) / sizeof(DETECTORS[0]); d++) {
			struct verdict v;
			bool there = ask(a, DETECTORS[d].fn, l, snap->now_ms, &v);

			err = findings_verdict(a->findings, snap, l, DETECTORS[d].class, there ? &v : NULL, &to);
		}
	}
	findings_sweep(a->findings, snap, &to);
	return err;
}

void analysis_allow_probes(struct analysis *a)
{
	findings_allow_probes(a->findings);
}

void analysis_probing(struct analysis *a, const char *id)
{
	findings_probing(a->findings, id, a->last_ms);
}

void analysis_probes_sent(struct analysis *a, const char *id, uint32_t count)
{
	findings_probes_sent(a->findings, id, count);
}

void analysis_probed(struct analysis *a, const char *id, const struct finding_probe *probe, finding_fn fn, void *arg)
{
	const struct listener to = { fn, arg };

	findings_probed(a->findings, a->ledgers, id, probe, a->last_ms, &to);
}

void analysis_suspects(struct analysis *a, suspect_fn fn, void *arg)
{
	const struct ledger *l;

	for (size_t i = 0; (l = ledgers_at(a->ledgers, i)); i++) {
		const struct stall *stall = l->has_peer && !findings_know(a->findings, l) ? step_suspect(l) : NULL;
		struct suspect s = { .tunnel_ifindex = l->tunnel_ifindex, .seen_ms = a->last_ms };

		if (!stall)
			continue;
		memcpy(s.public_key, l->public_key, WG_KEY_LEN);
		s.direction = l->direction;
		s.outer = stall->outer;
		s.host = l->direction == WIRE_TX ? stall->flow.destination.ip : stall->flow.source.ip;
		s.tag = stall->tag;
		fn(&s, arg);
	}
}

static struct ledger *suspect_ledger(struct analysis *a, const struct suspect *s)
{
	struct ledger *l;

	for (size_t i = 0; (l = ledgers_at(a->ledgers, i)); i++)
		if (l->direction == s->direction && l->tunnel_ifindex == s->tunnel_ifindex &&
		    !memcmp(l->public_key, s->public_key, WG_KEY_LEN))
			return l;
	return NULL;
}

bool analysis_suspect_probed(struct analysis *a, const struct suspect *s, uint32_t lower, uint32_t upper)
{
	struct ledger *l = suspect_ledger(a, s);

	if (!l || l->moved_ms > s->seen_ms)
		return false;
	if (lower >= s->outer)
		ledger_deliver(l, lower, a->last_ms);
	if (!upper || upper > s->outer)
		return false;
	l->probed_dead_outer = upper;
	l->probed_ms = a->last_ms;
	return true;
}

void analysis_findings_to_probe(const struct analysis *a, finding_fn fn, void *arg)
{
	findings_each(a->findings, true, fn, arg);
}

size_t analysis_open_findings(const struct analysis *a, finding_fn fn, void *arg)
{
	return findings_each(a->findings, false, fn, arg);
}

size_t analysis_opened(const struct analysis *a, enum finding_severity *worst)
{
	return findings_opened(a->findings, worst);
}
