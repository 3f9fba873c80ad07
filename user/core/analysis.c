// SPDX-License-Identifier: GPL-2.0-or-later
/* The pure pipeline: snapshot -> ledgers -> detectors -> findings. */
#include "analysis.h"

#include <stdlib.h>

#include "detect/detect.h"
#include "findings.h"
#include "ledger.h"

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
	uint32_t last_ms;
	size_t opened;
	enum finding_severity worst;
};

/* Between the findings and the caller: counts what opens. */
struct tee {
	struct analysis *a;
	finding_fn fn;
	void *arg;
};

static void count_opened(const struct finding *f, void *arg)
{
	struct tee *tee = arg;

	if (f->state == FINDING_OPEN) {
		tee->a->opened++;
		if (f->severity > tee->a->worst)
			tee->a->worst = f->severity;
	}
	if (tee->fn)
		tee->fn(f, tee->arg);
}

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

int analysis_step(struct analysis *a, const struct snapshot *snap, finding_fn fn, void *arg)
{
	struct tee tee = { a, fn, arg };
	struct ledger *l;
	int err;

	if (snap->now_ms <= a->last_ms)
		return 0;
	a->last_ms = snap->now_ms;
	err = ledgers_step(a->ledgers, snap);
	for (size_t i = 0; !err && (l = ledgers_at(a->ledgers, i)); i++) {
		for (size_t d = 0; !err && d < sizeof(DETECTORS) / sizeof(DETECTORS[0]); d++) {
			struct verdict v;
			bool there = DETECTORS[d].fn(l, snap->now_ms, &v);

			err = findings_verdict(a->findings, snap, l, DETECTORS[d].class, there ? &v : NULL,
					       count_opened, &tee);
		}
	}
	findings_sweep(a->findings, snap, count_opened, &tee);
	return err;
}

size_t analysis_open_findings(const struct analysis *a, finding_fn fn, void *arg)
{
	return findings_each(a->findings, fn, arg);
}

size_t analysis_opened(const struct analysis *a, enum finding_severity *worst)
{
	*worst = a->worst;
	return a->opened;
}
