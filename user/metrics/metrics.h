/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known now as Prometheus text (format 0.0.4, which the textfile collector reads as well). Pure: no I/O, no clock.
 * Labels are interface, public_key, direction, class, reason, and hook: never a flow or an address. The counters of tallies
 * and losses only grow while the program runs.
 */
#ifndef MTUSCOPE_METRICS_H
#define MTUSCOPE_METRICS_H

#include "finding.h"
#include "status.h"

#define METRICS_FINDINGS_MAX 256 /* findings that are told apart; more are still told by their number */

struct metrics {
	const char *version;
	bool no_peer_labels; /* no public_key: peers are added up */
	const struct snapshot *snap;
	const struct status *status;
	const struct finding *findings; /* those not resolved */
	size_t findings_n;
	uint64_t records, records_lost;
	/* what the program itself costs */
	uint64_t bpf_run_ns;
	uint64_t cpu_us;
	uint64_t resident_bytes;
};

/* Its length, or -ENOSPC. */
int metrics_format(char *buf, size_t cap, const struct metrics *m);

#endif
