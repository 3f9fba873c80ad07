/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The analysis: snapshots in, changes of findings out. Pure: no I/O, no clock, no globals; the same snapshots
 * give the same findings, whether they come from a kernel, a recording or a fuzzer.
 */
#ifndef MTUSCOPE_ANALYSIS_H
#define MTUSCOPE_ANALYSIS_H

#include "finding.h"
#include "snapshot.h"

struct analysis;

struct analysis *analysis_new(void); /* NULL: no memory */
void analysis_free(struct analysis *a);

typedef void (*finding_fn)(const struct finding *f, void *arg);

/*
 * Takes the next snapshot and calls fn for each finding that opens, changes or is resolved by it. Snapshots must come
 * in order of now_ms; one that does not is ignored. 0 or -ENOMEM.
 */
int analysis_step(struct analysis *a, const struct snapshot *snap, finding_fn fn, void *arg);

/* What probes have shown of the path of a finding; all sizes in bytes, outer. */
struct finding_probe {
	uint32_t lower; /* largest size proven to arrive; 0: none */
	uint32_t upper; /* smallest size proven not to; 0: none */
	bool exact;	/* lower is the path MTU */
	uint32_t count; /* probes sent, and their sizes */
	uint32_t size_min, size_max;
};

/* From now on a finding of a size that did pass waits for its probes, for some seconds, before it is told. */
void analysis_allow_probes(struct analysis *a);

/* Calls fn for each finding that may be probed: those not resolved, and those that wait to be told. */
void analysis_findings_to_probe(const struct analysis *a, finding_fn fn, void *arg);

/* Probing for the finding of that id begins. */
void analysis_probing(struct analysis *a, const char *id);

/* That is over, and so many more have been sent for it. */
void analysis_probes_sent(struct analysis *a, const char *id, uint32_t count);

/*
 * Takes the result of probing for the finding of that id, and calls fn if it is news. It holds until later traffic
 * contradicts it. If what was lost arrives again, the finding is resolved by the next snapshot. Of a finding that is no
 * more, nothing is said.
 */
void analysis_probed(struct analysis *a, const char *id, const struct finding_probe *probe, finding_fn fn, void *arg);

/* A flow that stalls, which by itself proves nothing: the host may have died. Probing it settles that. */
struct suspect {
	uint32_t tunnel_ifindex;
	uint8_t public_key[WG_KEY_LEN];
	enum wire_direction direction;
	uint32_t outer; /* bytes: size that stalls; rx: at most, with padding */
	struct ip_address host;
	uint64_t tag;	/* of the flow */
	msec_t seen_ms; /* the snapshot's */
};

typedef void (*suspect_fn)(const struct suspect *s, void *arg);

/* Calls fn for a suspect of each path that has one and no finding that explains it. */
void analysis_suspects(struct analysis *a, suspect_fn fn, void *arg);

/*
 * Of the probes that show the suspect's direction, those of outer size `lower` arrived, those of `upper` did not while
 * smaller ones did; 0: no such size is known. If the size that stalls arrived, the flow died of something else. If not, its
 * stall, if it lasts, opens a finding with the next snapshot. False: the size is not known to vanish, or the probes were of
 * another path, for it has moved meanwhile.
 */
bool analysis_suspect_probed(struct analysis *a, const struct suspect *s, uint32_t lower, uint32_t upper);

/* The findings not resolved: calls fn for each, returns their number. fn may be NULL. */
size_t analysis_open_findings(const struct analysis *a, finding_fn fn, void *arg);

/* Findings opened since the start, and the worst severity among them (SEVERITY_INFO if none): for the exit status. */
size_t analysis_opened(const struct analysis *a, enum finding_severity *worst);

#endif
