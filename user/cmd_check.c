// SPDX-License-Identifier: GPL-2.0-or-later
/* mtuscope check: scene -> audit -> records, once. The first is the result, which a monitoring system reads. */
#include <stdio.h>
#include <stdlib.h>

#include "audit/audit.h"
#include "check/gather.h"
#include "commands.h"
#include "reporter.h"
#include "sink.h"

/* All that the audit says, and how it ended. */
struct notes {
	struct audit_note *entries;
	size_t n, capacity;
	bool no_memory;
	struct audit_result result;
};

static void keep(const struct audit_note *note, void *arg)
{
	struct notes *notes = arg;

	if (notes->n == notes->capacity) {
		size_t capacity = notes->capacity ? 2 * notes->capacity : 16;
		struct audit_note *grown = reallocarray(notes->entries, capacity, sizeof(*grown));

		if (!grown) {
			notes->no_memory = true;
			return;
		}
		notes->entries = grown;
		notes->capacity = capacity;
	}
	notes->entries[notes->n++] = *note;
}

static const struct audit_note *worst_of(const struct notes *notes)
{
	const struct audit_note *worst = NULL;

	for (size_t i = 0; i < notes->n; i++)
		if (notes->entries[i].finding.severity > (worst ? worst->finding.severity : SEVERITY_INFO))
			worst = &notes->entries[i];
	return worst;
}

static void report_note(struct reporter *r, const struct audit_note *note, int64_t now_ms)
{
	const struct status status = {
		.state = note->finding.severity > SEVERITY_INFO ? STATUS_DEGRADED : STATUS_READY,
		.note = note,
	};

	if (note->has_class)
		reporter_finding(r, &note->finding, now_ms);
	else
		reporter_status(r, &status, now_ms);
}

/* Remarks are for those who look for a cause: where nothing is wrong they need asking for. */
static void report(struct reporter *r, const struct audit_scene *scene, const struct notes *notes,
		   const struct options *opt, int64_t now_ms)
{
	struct status status = {
		.links = scene->inventory.links,
		.links_n = scene->inventory.links_n < WIRE_LINKS ? scene->inventory.links_n : WIRE_LINKS,
		.result = &notes->result,
	};
	bool remarks = notes->result.worst || opt->verbose;

	reporter_status(r, &status, now_ms);
	for (size_t i = 0; i < notes->n; i++)
		if (remarks || notes->entries[i].finding.severity > SEVERITY_INFO)
			report_note(r, &notes->entries[i], now_ms);
	status.state = STATUS_EXIT;
	if (opt->sink && opt->sink != sink_named("text"))
		reporter_status(r, &status, now_ms);
}

static enum exit_status run(struct reporter *r, const struct audit_scene *scene, const struct options *opt)
{
	static const enum exit_status STATUS[] = { EXIT_NOTHING, EXIT_WARNING, EXIT_CRITICAL };
	int64_t now_ms = scene->now_s * 1000;
	struct notes notes = { 0 };
	enum exit_status status = EXIT_UNKNOWN;

	audit_run(scene, now_ms, keep, &notes, &notes.result);
	notes.result.worst = worst_of(&notes);
	if (notes.no_memory)
		fprintf(stderr, "mtuscope check: out of memory\n");
	else if (!notes.result.tunnels)
		fprintf(stderr, "mtuscope check: not a WireGuard interface: %s\n", opt->interfaces[0]);
	else
		status = STATUS[audit_worst(&notes.result)];
	if (status != EXIT_UNKNOWN)
		report(r, scene, &notes, opt, now_ms);
	free(notes.entries);
	return reporter_works(r) ? status : EXIT_UNKNOWN;
}

enum exit_status cmd_check(const struct options *opt)
{
	enum exit_status status = EXIT_UNKNOWN;
	struct audit_scene scene = { 0 };
	struct reporter *reporter;

	if (reporter_open(&reporter, opt, "check"))
		return EXIT_UNKNOWN;
	if (!gather_scene(&scene, opt->interfaces, opt->interfaces_n, "check"))
		status = run(reporter, &scene, opt);
	gather_free(&scene);
	reporter_close(reporter);
	return status;
}
