/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A detector looks at the ledger of one path and says whether its class of trouble is there now. It keeps nothing: what a
 * finding lives through is findings.c's business. One file a detector and one line in detectors.def.
 */
#ifndef MTUSCOPE_DETECT_H
#define MTUSCOPE_DETECT_H

#include "finding.h"
#include "ledger.h"

struct verdict {
	double confidence;   /* 0 … 1 */
	uint32_t lower;	     /* bytes, outer: largest size proven to arrive; 0: none */
	uint32_t upper;	     /* bytes, outer: smallest size proven not to */
	msec_t first_ms;     /* of the trouble */
	msec_t latest_ms;    /* when the latest of the flows stalled; 0: none has */
	msec_t connected_ms; /* when the latest of the flows began */
	msec_t last_ms;	     /* of the last try in vain; 0: the trouble is there now */
	bool doubtful;	     /* tx: the size did pass: that the flows died of something else only probes can tell */
	struct evidence evidence[FINDING_EVIDENCE_MAX];
	size_t evidence_n;
	struct finding_flow flows[FINDING_FLOWS_MAX]; /* the longest stalled first */
	size_t flows_n;
	uint32_t limit; /* bytes, outer: what the egress link or a too-big message allows; 0: not a matter of that */
	enum finding_basis basis; /* of limit */
	struct ip_address host;	  /* whom a too-big message was for or from; family 0: not a matter of that */
	uint32_t hop_mtu;	  /* bytes, inner: of the link that was too small, if that is not the tunnel; else 0 */
	struct ip_address hop;	  /* … who says so; family 0: not known */
	bool hop_refused;	  /* … but is not among the peer's AllowedIPs, so that WireGuard drops what it says */
};

/* True and *v filled if the trouble is there at now_ms. */
typedef bool (*detect_fn)(const struct ledger *l, msec_t now_ms, struct verdict *v);

/* Adds `count` events of a kind and of `outer` bytes (0: size unknown) to the evidence. */
void verdict_evidence(struct verdict *v, enum evidence_kind kind, uint64_t count, uint32_t outer);

#define DETECTOR(name, class) bool detect_##name(const struct ledger *l, msec_t now_ms, struct verdict *v);
#include "detectors.def"
#undef DETECTOR

#endif
